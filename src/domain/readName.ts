import type { NameSettings } from './names.ts';

/** What the name of a file tells; absent is what it does not tell. */
export interface NameTells {
  readonly streamName?: string | undefined;
  readonly mediaSessionId?: string | undefined;
}

/** What the values of an element are made of, and how many characters they may have. */
interface Value {
  readonly of: RegExp;
  readonly min: number;
  readonly max: number;
}

type Piece = { readonly literal: string } | ({ readonly element: string } & Value);

const ANY = /[^]/;
const DIGIT = /\d/;
const ID = /[\w-]/;
const VALUES: Readonly<Record<string, Value>> = {
  streamName: { of: ANY, min: 1, max: Infinity },
  duration: { of: DIGIT, min: 0, max: Infinity },
  startTime: { of: DIGIT, min: 1, max: 20 },
  endTime: { of: DIGIT, min: 1, max: 20 },
  // From 2001 to 2286.
  startTimeMillis: { of: DIGIT, min: 13, max: 13 },
  endTimeMillis: { of: DIGIT, min: 13, max: 13 },
  sessionId: { of: ID, min: 0, max: 60 },
  mediaSessionId: { of: ID, min: 1, max: 36 },
  login: { of: ANY, min: 0, max: 32 },
  audioCodec: { of: /\w/, min: 0, max: 4 },
  videoCodec: { of: /\w/, min: 0, max: 4 },
};
/** The number of one of several files of a name, and that of a part, which may stand before it. */
const NUMBERS = [/-\d{1,7}$/, /_\d+(?:-\d{1,7})?$/];

/**
 * The other way round of `recordName`, as far as there is one: a name may be read in several ways, of which this takes the
 * one with the longest stream name; characters that were deleted or replaced stay so. A template in which an element
 * stands twice tells nothing.
 */
export function readName(fileName: string, settings: NameSettings): NameTells {
  const base = fileName.replace(/(?<=.)\.[^.]*$/, '');
  const pieces = piecesOf(settings);
  if (pieces === undefined) return {};
  for (const each of [base, ...NUMBERS.map((number) => base.replace(number, ''))]) {
    const decoded = decode(each, settings.encode);
    const values = decoded === undefined ? undefined : valuesIn(decoded, pieces);
    if (values !== undefined)
      return { streamName: values.get('streamName'), mediaSessionId: values.get('mediaSessionId') };
  }
  return {};
}

function piecesOf({ policy, template }: NameSettings): readonly Piece[] | undefined {
  const text = policy === 'streamName' ? '{streamName}' : template;
  const seen = new Set<string>();
  const pieces: Piece[] = [];
  for (const piece of text.split(/(\{\w+\})/)) {
    const element = piece.slice(1, -1);
    const value = piece.startsWith('{') && Object.hasOwn(VALUES, element) ? VALUES[element] : undefined;
    if (seen.has(element) && value !== undefined) return undefined;
    if (value !== undefined) seen.add(element);
    pieces.push(value === undefined ? { literal: piece } : { element, ...value });
  }
  return pieces;
}

/**
 * The values of the elements when the pieces fill all of `text`. A regular expression could take exponentially long for a
 * name that somebody has chosen so; this takes the square of its length for each piece at most.
 */
function valuesIn(text: string, pieces: readonly Piece[]): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  /** Where which piece was tried in vain. */
  const failed = new Set<string>();
  const fits = (p: number, at: number): boolean => {
    const piece = pieces[p];
    if (piece === undefined) return at === text.length;
    const key = `${p} ${at}`;
    if (failed.has(key)) return false;
    const end = endOf(text, piece, at, (to) => fits(p + 1, to));
    if (end === undefined) failed.add(key);
    else if ('element' in piece) values.set(piece.element, text.slice(at, end));
    return end !== undefined;
  };
  return fits(0, 0) ? values : undefined;
}

/** The furthest end of a piece that begins at `at` for which `isGood`. */
function endOf(text: string, piece: Piece, at: number, isGood: (end: number) => boolean): number | undefined {
  if ('literal' in piece) {
    const end = at + piece.literal.length;
    return text.startsWith(piece.literal, at) && isGood(end) ? end : undefined;
  }
  let end = at;
  while (end < text.length && end - at < piece.max && piece.of.test(text.charAt(end))) end++;
  for (; end - at >= piece.min; end--) if (isGood(end)) return end;
  return undefined;
}

/** Undefined for what is no such encoding of any text. */
function decode(text: string, encoding: NameSettings['encode']): string | undefined {
  if (encoding === undefined) return text;
  const format = encoding === 'HEX' ? 'hex' : 'base64url';
  const decoded = Buffer.from(text, format).toString('utf8');
  return Buffer.from(decoded, 'utf8').toString(format) === text ? decoded : undefined;
}
