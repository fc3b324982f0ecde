/**
 * True when all of `text` fits `pattern`, in which `*` stands for any characters, none included, and `?` for one. The
 * time is bounded by the product of the lengths, whatever the pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [wanted, given] = [Array.from(pattern), Array.from(text)];
  let [at, i] = [0, 0];
  /** The newest `*`, and where what it stands for ends so far: only that one is ever worth lengthening. */
  let star: { readonly at: number; end: number } | undefined;
  while (i < given.length) {
    if (wanted[at] === '*') {
      star = { at: at++, end: i };
    } else if (wanted[at] === '?' || wanted[at] === given[i]) {
      at++;
      i++;
    } else if (star !== undefined) {
      at = star.at + 1;
      i = ++star.end;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((character) => character === '*');
}
