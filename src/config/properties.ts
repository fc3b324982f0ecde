import { propertiesReader } from 'properties-reader';

/** One `key=value` of a properties file. `line` is where it begins, from 1. */
export interface Property {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

/** What a properties file says, and the lines that could not be read. Duplicates are all kept, in order. */
export interface PropertiesText {
  readonly properties: readonly Property[];
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/** Largest text read, in UTF-16 units; a settings file is a few kilobytes. */
const MAX_LENGTH = 1_048_576;

/**
 * Reads the grammar of Java's `java.util.Properties.load(Reader)`, which WCS's files are written in: `=`, `:` or blanks
 * between key and value, `#` and `!` comments, continued lines, escapes, significant trailing blanks. Differs in
 * three points: a byte order mark at the start is skipped, a malformed `\uXXXX` costs its line, not the file, and a lone
 * backslash at the end of the file is nothing, not an empty key. Never throws.
 */
export function readProperties(text: string): PropertiesText {
  if (text.length > MAX_LENGTH) {
    return { properties: [], problems: [{ line: 1, message: `longer than ${MAX_LENGTH} characters` }] };
  }
  const problems: { line: number; message: string }[] = [];
  const normalised: string[] = [];
  for (const { raw, line } of logicalLines(text.replace(/^\uFEFF/, ''))) {
    if (BAD_UNICODE_ESCAPE.test(raw)) {
      problems.push({ line, message: '\\u needs four hexadecimal digits after it' });
    } else {
      const [key, value] = splitKeyAndValue(raw);
      normalised.push(`${line}:${pack(unescape(key))}=${pack(unescape(value))}`);
    }
  }
  return { properties: readNormalised(normalised.join('\n')), problems };
}

interface LogicalLine {
  readonly raw: string;
  readonly line: number;
}

/** Natural lines joined where an odd number of backslashes ends one; comments and blank lines left out. */
function* logicalLines(text: string): Generator<LogicalLine> {
  const lines = text.split(/\r\n|\r|\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let piece = withoutIndent(lines[at] ?? '');
    // A backslash alone joins nothing: the next line begins afresh.
    if (piece === '' || piece === '\\' || piece.startsWith('#') || piece.startsWith('!')) continue;
    const pieces: string[] = [];
    while (isContinued(piece) && at + 1 < lines.length) {
      pieces.push(piece.slice(0, -1));
      piece = withoutIndent(lines[++at] ?? '');
    }
    // A backslash at the very end of the file continues into nothing.
    pieces.push(isContinued(piece) ? piece.slice(0, -1) : piece);
    yield { raw: pieces.join(''), line };
  }
}

const withoutIndent = (line: string): string => line.replace(/^[ \t\f]+/, '');

function isContinued(line: string): boolean {
  let end = line.length;
  while (line[end - 1] === '\\') end--;
  return (line.length - end) % 2 === 1;
}

/** The key ends at the first unescaped `=`, `:` or blank; one separator and the blanks around it are dropped. */
function splitKeyAndValue(raw: string): [key: string, value: string] {
  const key = /^(?:\\[^]|[^\\=: \t\f])*/.exec(raw)?.[0] ?? '';
  return [key, raw.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')];
}

/** A `\u` that is an escape (an even number of backslashes before it) without its four digits. */
const BAD_UNICODE_ESCAPE = /^(?:[^\\]|\\u[0-9a-fA-F]{4}|\\[^u])*\\u(?![0-9a-fA-F]{4})/;

const CONTROL_ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(raw: string): string {
  return raw.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, hex: string | undefined, char = '') =>
    hex === undefined
      ? (CONTROL_ESCAPES[String(char)] ?? String(char))
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/*
 * properties-reader trims, opens sections at `[x]`, ends keys at `#` and keeps one value per key. So it is given
 * lines whose keys begin with their line number and whose odd characters are packed as `%XXXX`, and is asked for
 * raw entries only: its `get` would turn `007` into 7.
 */
function readNormalised(text: string): Property[] {
  return [...propertiesReader().read(text).entries()].map(([numberedKey, value]) => {
    const colon = numberedKey.indexOf(':');
    return {
      key: unpack(numberedKey.slice(colon + 1)),
      value: unpack(value),
      line: Number(numberedKey.slice(0, colon)),
    };
  });
}

const pack = (text: string): string =>
  text.replace(/[^\w.,:;/{}@+-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const unpack = (text: string): string =>
  text.replace(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
