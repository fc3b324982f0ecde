import { parseSourceUri } from './sourceUri.ts';

/** A capture that starts with the server. */
export interface DeclaredCapture {
  readonly uri: string;
  /** Undefined: the URI without user and password. */
  readonly name: string | undefined;
}

/** What {@link parseDeclared} takes, as the end of the sentence "it must be …". */
export const DECLARED_ALLOWED =
  'a list of sources divided by blanks, each a URI with one of rtsp, rtsps, rtmp, rtmps, and behind it -> and a ' +
  'name, if it is to have another one than its URI, as in rtsp://camera/1 -> door rtsp://camera/2; empty for none';

const ARROW = '->';

/**
 * Reads the captures of the settings. Each URI and each name may be there once.
 * @throws RangeError that says what is wrong, without user and password.
 */
export function parseDeclared(text: string): readonly DeclaredCapture[] {
  const words = text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  const captures: DeclaredCapture[] = [];
  for (let i = 0; i < words.length; i++) {
    const uri = words[i] ?? '';
    const hasName = words[i + 1] === ARROW;
    const name = hasName ? words[i + 2] : undefined;
    if (hasName && name === undefined) throw new RangeError('a name must follow the last ->');
    if (hasName) i += 2;
    captures.push({ uri, name });
  }
  refuseDoubles(captures);
  return captures;
}

function refuseDoubles(captures: readonly DeclaredCapture[]): void {
  const uris = new Set<string>();
  const names = new Set<string>();
  captures.forEach(({ uri, name }, i) => {
    const shown = shownUri(uri, i);
    if (uris.has(shown)) throw new RangeError(`source ${i + 1} is there twice: ${shown}`);
    if (names.has(name ?? shown)) throw new RangeError(`two sources have the name ${name ?? shown}`);
    uris.add(shown);
    names.add(name ?? shown);
  });
}

function shownUri(uri: string, i: number): string {
  try {
    return parseSourceUri(uri).shown;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RangeError(`source ${i + 1} is not allowed: ${why}`, { cause: error });
  }
}
