/**
 * Where something is in a list in order, or belongs: behind all that `isBefore`. Looks at the end first, where it mostly
 * is.
 */
export function placeOf<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  for (let at = high - 1; low < high; at = (low + high) >> 1) {
    if (isBefore(items[at] as T)) low = at + 1;
    else high = at;
  }
  return low;
}
