import { TEMPLATE_ELEMENTS } from './names.ts';
import type { NameSettings } from './names.ts';

/** What the name of a file tells; absent is what it does not tell. */
export interface NameTells {
  readonly streamName?: string | undefined;
  readonly mediaSessionId?: string | undefined;
}

/** What the values of elements look like. */
const VALUES: Readonly<Record<string, string>> = {
  streamName: '.+',
  duration: '\\d*',
  startTime: '\\d{1,20}',
  endTime: '\\d{1,20}',
  startTimeMillis: '\\d{13}',
  endTimeMillis: '\\d{13}',
  sessionId: '[\\w-]{0,60}',
  mediaSessionId: '[\\w-]{1,36}',
  login: '.{0,32}',
  audioCodec: '\\w{0,4}',
  videoCodec: '\\w{0,4}',
};
/** The number of one of several files of a name, and that of a part, which may stand before it. */
const NUMBERS = [/-\d{1,7}$/, /_\d+(?:-\d{1,7})?$/];

/**
 * The other way round of `recordName`, as far as there is one: names that these settings made may be read in several
 * ways, of which this takes the one with the longest stream name; characters that were deleted or replaced stay so.
 */
export function readName(fileName: string, settings: NameSettings): NameTells {
  const base = fileName.replace(/(?<=.)\.[^.]*$/, '');
  const pattern = patternOf(settings);
  for (const each of [base, ...NUMBERS.map((number) => base.replace(number, ''))]) {
    const decoded = decode(each, settings.encode);
    const tells = decoded === undefined ? undefined : pattern.exec(decoded)?.groups;
    if (tells !== undefined) return tells;
  }
  return {};
}

function patternOf({ policy, template }: NameSettings): RegExp {
  const seen = new Set<string>();
  const text = policy === 'streamName' ? '{streamName}' : template;
  const pattern = text.split(/(\{\w+\})/).map((piece) => {
    const element = piece.slice(1, -1);
    if (!piece.startsWith('{') || !TEMPLATE_ELEMENTS.includes(element))
      return piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    if (seen.has(element)) return `\\k<${element}>`;
    seen.add(element);
    return `(?<${element}>${VALUES[element] ?? '.*'})`;
  });
  return new RegExp(`^${pattern.join('')}$`, 's');
}

/** Undefined for what is no such encoding of any text. */
function decode(text: string, encoding: NameSettings['encode']): string | undefined {
  if (encoding === undefined) return text;
  const format = encoding === 'HEX' ? 'hex' : 'base64url';
  const decoded = Buffer.from(text, format).toString('utf8');
  return Buffer.from(decoded, 'utf8').toString(format) === text ? decoded : undefined;
}
