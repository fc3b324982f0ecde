/** Fewer than these are put in order whole. */
const FEW = 32;

/** What a list is put in order by: all numbers, or all texts. */
export type OrderKey<T> = ((item: T) => number) | ((item: T) => string);
type Compare = (a: number, b: number) => number;

/**
 * What stands from `from` up to, without, `to` once `items` are in order of their keys; those of one key keep theirs. A
 * quicksort that leaves alone what is not asked for: its time goes with the number of items, however deep the slice is.
 * @param sign 1 for the smallest key first, -1 for the largest.
 */
export function orderedSlice<T>(
  items: readonly T[],
  keyOf: OrderKey<T>,
  sign: 1 | -1,
  { from, to }: { readonly from: number; readonly to: number },
): T[] {
  const compare = comparing(items, keyOf, sign);
  const places = new Uint32Array(items.length);
  for (let i = 0; i < places.length; i++) places[i] = i;
  const settle = (low: number, high: number): void => {
    if (high <= from || low >= to) return;
    const isWanted = low >= from && high <= to;
    if (isWanted || high - low <= FEW) {
      places.subarray(low, high).sort(compare);
      return;
    }
    const middle = partition(places, low, high, compare);
    settle(low, middle);
    settle(middle, high);
  };
  settle(0, places.length);
  return Array.from(places.subarray(from, to), (place) => items[place] as T);
}

/** Compares two places by the keys of what stands there, and by themselves where those are alike. */
function comparing<T>(items: readonly T[], keyOf: OrderKey<T>, sign: 1 | -1): Compare {
  const [first] = items;
  if (first === undefined) return () => 0;
  // Numbers by themselves cost a third of an array that may hold anything.
  const keys: { [place: number]: number | string } =
    typeof keyOf(first) === 'number' ? new Float64Array(items.length) : new Array<string>(items.length);
  for (let i = 0; i < items.length; i++) keys[i] = keyOf(items[i] as T);
  return (a, b) => {
    const [left, right] = [keys[a] as number, keys[b] as number];
    return left < right ? -sign : left > right ? sign : a - b;
  };
}

/** Puts the smaller ones of at least two before the others. @returns where those begin, neither `low` nor `high`. */
function partition(places: Uint32Array, low: number, high: number, compare: Compare): number {
  // By chance, so that no order is a slow one.
  const pivot = places[low + Math.floor(Math.random() * (high - low - 1))] as number;
  let [i, j] = [low - 1, high];
  for (;;) {
    do i++;
    while (compare(places[i] as number, pivot) < 0);
    do j--;
    while (compare(places[j] as number, pivot) > 0);
    if (i >= j) return j + 1;
    const moved = places[i] as number;
    places[i] = places[j] as number;
    places[j] = moved;
  }
}
