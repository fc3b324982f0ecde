import { isIP } from 'node:net';

/** How the text of a setting becomes its value. */
export interface SettingType<T> {
  /** What may be written, as the end of the sentence "it must be …". */
  readonly allowed: string;
  /** @throws RangeError saying what is wrong and what is allowed. */
  readonly parse: (text: string) => T;
}

/** One line of the table of settings. */
export interface Setting<T> {
  readonly type: SettingType<T>;
  /** As it would be written in the file. */
  readonly initial: string;
  /** One sentence for the example file and the manual. */
  readonly doc: string;
  /** `live`: SIGHUP applies it, to what begins after it. `restart`: read once, at start. */
  readonly apply: 'live' | 'restart';
  /** WCS has the key, too. */
  readonly wcs?: boolean;
  /** Never shown, not even by --print-config. */
  readonly secret?: boolean;
}

/** Keeps the value's type while checking the entry; fails at import when the default itself is not allowed. */
export function setting<T>(entry: Setting<T>): Setting<T> {
  entry.type.parse(entry.initial);
  return entry;
}

/** `text` for a message, in quotes: see {@link visible}. */
export function quote(text: string): string {
  return `"${visible(text)}"`;
}

/** `text` on one line, control characters and quotes escaped, at most 80 characters of it. */
export function visible(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text).slice(1, -1);
}

/** Builds a type from a reader that answers `undefined` to what it does not take. */
export function typeOf<T>(allowed: string, read: (trimmed: string) => T | undefined): SettingType<T> {
  const parse = (text: string): T => {
    const value = read(text.trim());
    if (value === undefined) throw new RangeError(`${quote(text)} is not allowed; it must be ${allowed}`);
    return value;
  };
  return { allowed, parse };
}

/** As `type`, with the empty text standing for "off". `meaning` completes "empty …". */
export function orEmpty(type: SettingType<string>, meaning: string): SettingType<string> {
  return {
    allowed: `${type.allowed}; empty ${meaning}`,
    parse: (text) => (text.trim() === '' ? '' : type.parse(text)),
  };
}

/** `true` or `false` in any case, as Java reads them. */
export const flag: SettingType<boolean> = typeOf('true or false', (text) => {
  const word = text.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
});

/** A whole number from `min` to `max`, both inclusive; `unit` is the plural noun shown to the reader. */
export function whole(unit: string, min: number, max: number): SettingType<number> {
  return typeOf(`a whole number of ${unit} from ${min} to ${max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

/** `auto` in any case, or what `type` takes. */
export function autoOr<T>(type: SettingType<T>): SettingType<T | 'auto'> {
  return {
    allowed: `auto, or ${type.allowed}`,
    parse: (text) => (text.trim().toLowerCase() === 'auto' ? 'auto' : type.parse(text)),
  };
}

/** One of a closed list of words, in any case. */
export function oneOf<const W extends string>(...words: readonly W[]): SettingType<W> {
  return typeOf(`one of ${words.join(', ')}`, (text) =>
    words.find((word) => word.toLowerCase() === text.toLowerCase()),
  );
}

const portNumber = typeOf('a port from 0 to 65535, where 0 takes any free one', (text) => {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 65535 ? value : undefined;
});

/** A port to listen on: 0 takes any free one, `undefined` (written as nothing) keeps the door closed. */
export const port: SettingType<number | undefined> = {
  allowed: `${portNumber.allowed}; empty keeps the door closed`,
  parse: (text) => (text.trim() === '' ? undefined : portNumber.parse(text)),
};

/** Any text without control characters. */
export const text: SettingType<string> = typeOf('text without control characters', (value) =>
  hasControls(value) ? undefined : value,
);

/** WCS's `true,60`: seconds of silence that end a stream; `undefined` for false. */
export const rtpActivity: SettingType<number | undefined> = {
  allowed: 'false, or true and a number of seconds from 5 to 3600, as in true,60',
  parse: (value) => {
    const [isOn, seconds = '60'] = value
      .trim()
      .toLowerCase()
      .split(/\s*,\s*/, 2);
    if (isOn === 'false') return undefined;
    const number = /^\d{1,4}$/.test(seconds) ? Number(seconds) : Number.NaN;
    if (isOn === 'true' && number >= 5 && number <= 3600) return number;
    throw new RangeError(`${quote(value)} is not allowed; it must be ${rtpActivity.allowed}`);
  },
};

/** A numeric IPv4 or IPv6 address. */
export const ipAddress: SettingType<string> = typeOf('an IPv4 or IPv6 address', (text) =>
  isIP(text) === 0 ? undefined : text,
);

/** A file or folder name; relative ones are under the home folder. No control characters. */
export const path: SettingType<string> = typeOf('a path', (text) =>
  text === '' || hasControls(text) ? undefined : text,
);

/** An allowed origin for browsers: `*` or `scheme://host[:port]`. */
export const origin: SettingType<string> = typeOf('* or one origin such as https://example.org', (text) =>
  text === '*' || /^https?:\/\/[^/?#\s@]{1,255}$/i.test(text) ? text : undefined,
);

/** True when `text` holds a character below U+0020 or U+007F, which no setting needs. */
export function hasControls(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- finding control characters is the purpose
  return /[\u0000-\u001f\u007f]/.test(text);
}
