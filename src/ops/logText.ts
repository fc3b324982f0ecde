import type { LogLine } from './logFields.ts';
import { clean, plainFields } from './logFields.ts';

const COLOURS = { debug: 2, info: 0, warn: 33, error: 31 } as const;
const COMPONENT_WIDTH = 9;

/** One JSON object: `ts level component msg`, then the fields. A field of one of these names gets `_` before it. */
export function renderJson({ at, level, message, fields }: LogLine): string {
  const { component, ...rest } = plainFields(fields);
  const head = { ts: at.toISOString(), level, component, msg: clean(message) };
  const flat = Object.entries(rest).map(([key, value]) => [
    Object.hasOwn(head, key) ? `_${key}` : key,
    value,
  ]);
  return escapeControls(JSON.stringify({ ...head, ...(Object.fromEntries(flat) as object) }));
}

/**
 * A line for people: local time, level, component, message, `key=value` pairs. The stack of `err` follows on
 * indented lines of errors and debug lines.
 */
export function renderText({ at, level, message, fields }: LogLine, colour: boolean): string {
  const { component, ...rest } = plainFields(fields);
  const head = `${localTime(at)} ${level.toUpperCase().padEnd(5)} ${textOf(component).padEnd(COMPONENT_WIDTH)}`;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${escapeControls(key)}=${key === 'err' ? errorText(value) : textOf(value)}`);
  const line = `${head} ${escapeControls(clean(message))}${pairs.join('')}`;
  const stack = level === 'error' || level === 'debug' ? stackText(fields['err']) : '';
  return (colour && COLOURS[level] !== 0 ? `\u001b[${COLOURS[level]}m${line}\u001b[0m` : line) + stack;
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return escapeControls(text);
}

function errorText(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('message' in value)) return textOf(value);
  const code = 'code' in value ? ` (${String(value.code)})` : '';
  const { cause, errors } = value as { readonly cause?: unknown; readonly errors?: unknown };
  const inner = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])].filter(
    (each) => each !== undefined,
  );
  const causes = inner.map((each) => ` <- ${errorText(each)}`).join('');
  return `${textOf(`${String(value.message)}${code}`)}${causes}`;
}

/** Only the call sites: the first lines of a stack repeat the message, which may hold anything. */
function stackText(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const calls = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return calls.map((line) => `\n${escapeControls(line)}`).join('');
}

/**
 * Control characters (C0, DEL, C1), line separators and bidirectional marks as `\uXXXX`: no text of a client can
 * begin a line, move the cursor or turn the direction of writing.
 */
function escapeControls(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- finding control characters is the purpose
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function localTime(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
