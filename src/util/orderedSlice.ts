/** Fewer than these are put in order whole. */
const FEW = 32;

type Key = number | string;

/**
 * What stands from `from` up to, without, `to` once `items` are in order of their keys; those of one key keep theirs. A
 * quicksort that leaves alone what is not asked for: its time goes with the number of items, however deep the slice is.
 * @param sign 1 for the smallest key first, -1 for the largest.
 */
export function orderedSlice<T>(
  items: readonly T[],
  keyOf: (item: T) => Key,
  sign: 1 | -1,
  { from, to }: { readonly from: number; readonly to: number },
): T[] {
  const keys = items.map(keyOf);
  const places = new Uint32Array(items.length);
  for (let i = 0; i < places.length; i++) places[i] = i;
  const compare = (a: number, b: number): number => {
    const [left, right] = [keys[a] as Key, keys[b] as Key];
    return left < right ? -sign : left > right ? sign : a - b;
  };
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

/** Puts the smaller ones of at least two before the others. @returns where those begin, neither `low` nor `high`. */
function partition(
  places: Uint32Array,
  low: number,
  high: number,
  compare: (a: number, b: number) => number,
): number {
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
