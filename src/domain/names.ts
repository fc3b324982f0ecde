import { fitName, safeBase } from './fileName.ts';

/** How the files of recordings are named: `stream_record_policy` and the settings beside it. */
export interface NameSettings {
  readonly policy: 'streamName' | 'template';
  readonly template: string;
  readonly encode: 'HEX' | 'BASE64' | undefined;
  /** Each character of this text is deleted from an unencoded name. */
  readonly excludeCharacters: string;
}

/** What is known of a recording or of one of its parts. Times are milliseconds since the epoch. */
export interface NameFacts {
  readonly streamName: string;
  readonly sessionId: string;
  readonly mediaSessionId: string;
  readonly login: string;
  readonly audioCodec?: string | undefined;
  readonly videoCodec?: string | undefined;
  /** On the media clock. */
  readonly startTimeMs?: number | undefined;
  readonly endTimeMs?: number | undefined;
  /** On the server's clock. */
  readonly startTimeMillis?: number | undefined;
  readonly endTimeMillis?: number | undefined;
  readonly durationMs?: number | undefined;
  /** From 1. */
  readonly partIndex: number;
  /** The recording has no part after this one. */
  readonly last: boolean;
  /** The recording has, or is going to have, more than one part. */
  readonly rotated: boolean;
  /** Without the dot, e.g. `mp4`. */
  readonly extension: string;
}

interface Element {
  /** Characters the value is cut to. */
  readonly max: number;
  /** `undefined` = not known yet. */
  readonly value: (facts: NameFacts) => string | number | undefined;
}

/** Elements and sizes of WCS's page "Stream recording". */
const ELEMENTS: Readonly<Record<string, Element>> = {
  streamName: { max: Infinity, value: (facts) => facts.streamName },
  duration: { max: Infinity, value: (facts) => (facts.extension === 'mp4' ? facts.durationMs : '') },
  startTime: { max: 20, value: (facts) => facts.startTimeMs },
  endTime: { max: 20, value: (facts) => facts.endTimeMs },
  startTimeMillis: { max: 20, value: (facts) => facts.startTimeMillis },
  endTimeMillis: { max: 20, value: (facts) => facts.endTimeMillis },
  sessionId: { max: 60, value: (facts) => base64(facts.sessionId) },
  mediaSessionId: { max: 36, value: (facts) => facts.mediaSessionId },
  login: { max: 32, value: (facts) => facts.login },
  audioCodec: { max: 4, value: (facts) => facts.audioCodec ?? '' },
  videoCodec: { max: 4, value: (facts) => facts.videoCodec ?? '' },
};

/** Words that a template may hold in braces, without the braces. */
export const TEMPLATE_ELEMENTS: readonly string[] = Object.keys(ELEMENTS);

/** A template with one of these tells the parts apart by itself, so they carry no number. */
const TIME_ELEMENT = /\{(?:start|end)Time(?:Millis)?\}/;

/**
 * The file name of a part, extension included, and of a running recording as it is reported: what is not known yet
 * stays as its literal element, e.g. `{endTime}`. Always one ordinary file name of at most 255 bytes; never throws.
 * Rules and examples: docs/names.md.
 */
export function recordName(settings: NameSettings, facts: NameFacts): string {
  const base = safeBase(encoded(settings, expanded(settings, facts)));
  const fallback = safeBase(`stream-${facts.mediaSessionId}`);
  return fitName(base === '' ? fallback : base, {
    number: isNumbered(settings, facts) ? `_${facts.partIndex}` : '',
    extension: `.${facts.extension}`,
  });
}

/** The `n`-th file of one name: `name-2.mp4` for 2. A result of {@link recordName} has room for it. */
export function withSuffix(fileName: string, n: number): string {
  const dot = fileName.lastIndexOf('.');
  const end = dot > 0 ? dot : fileName.length;
  return `${fileName.slice(0, end)}-${n}${fileName.slice(end)}`;
}

function expanded(settings: NameSettings, facts: NameFacts): string {
  if (settings.policy === 'streamName') return facts.streamName;
  return settings.template.replace(/\{(\w+)\}/g, (literal, name: string) => {
    const element = Object.hasOwn(ELEMENTS, name) ? ELEMENTS[name] : undefined;
    const value = element?.value(facts);
    return element === undefined || value === undefined ? literal : firstCharacters(text(value), element.max);
  });
}

function text(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value)) : value;
}

/** Encoded names are left whole, so that they can be decoded; only the others lose the excluded characters. */
function encoded(settings: NameSettings, name: string): string {
  if (settings.encode === 'HEX') return Buffer.from(name, 'utf8').toString('hex');
  if (settings.encode === 'BASE64') return base64(name);
  const excluded = new Set(settings.excludeCharacters);
  return Array.from(name)
    .filter((character) => !excluded.has(character))
    .join('');
}

/** URL-safe alphabet without padding (RFC 4648, 5): the ordinary one holds `/`. */
function base64(value: string): string {
  return Buffer.from(value, 'utf8').toString('base64url');
}

/** WCS numbers parts from 1 and leaves the last one without a number. */
function isNumbered(settings: NameSettings, facts: NameFacts): boolean {
  const toldApart = settings.policy === 'template' && TIME_ELEMENT.test(settings.template);
  return facts.rotated && !facts.last && !toldApart;
}

function firstCharacters(value: string, count: number): string {
  return value.length <= count ? value : Array.from(value).slice(0, count).join('');
}
