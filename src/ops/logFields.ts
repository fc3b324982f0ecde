import type { LogFields } from '../domain/log.ts';

/** A log line before it becomes text. */
export interface LogLine {
  readonly at: Date;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** Longer texts are cut: names and messages come from clients. */
const MAX_TEXT = 4096;
const MAX_ITEMS = 64;
const MAX_DEPTH = 4;

const SECRET_FIELD = /token|passw|secret/i;
const URL_USER = /:\/\/[^\s/?#]*@/g;
const SECRET_PARAMETER =
  /([?&][^=&\s]{0,32}(?:token|passw|pwd|secret|key|auth|sign)[^=&\s]{0,32}=)[^&#\s"']+/gi;

/** Cuts long texts and masks user and password of URLs and the values of secret query parameters. */
export function clean(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return short.replace(URL_USER, '://***@').replace(SECRET_PARAMETER, '$1***');
}

/** `value` as plain JSON data: bounded in depth, items and text, errors spelled out, secrets masked. */
export function plainValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return clean(String(value));
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return plainError(value, depth);
  if (depth >= MAX_DEPTH) return '[deep]';
  return plainObject(value, depth);
}

function plainObject(value: object, depth: number): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, MAX_ITEMS).map((item) => plainValue(item, depth + 1));
  }
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.slice(0, MAX_ITEMS).map(([key, item]) => plainField(key, item, depth)));
}

function plainField(key: unknown, item: unknown, depth: number): [string, unknown] {
  const name = clean(String(key));
  const isSecret = SECRET_FIELD.test(name) && typeof item === 'string' && item !== '';
  return [name, isSecret ? '***' : plainValue(item, depth + 1)];
}

/** Name, message, code, stack, cause and the members of an AggregateError. */
function plainError(error: Error, depth: number): Record<string, unknown> {
  const inner = (value: unknown): unknown => (depth >= MAX_DEPTH ? '[deep]' : plainValue(value, depth + 1));
  return {
    name: clean(error.name),
    message: clean(error.message),
    ...('code' in error && error.code !== undefined ? { code: inner(error.code) } : {}),
    ...(error.stack === undefined ? {} : { stack: clean(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: inner(error.cause) }),
    ...(error instanceof AggregateError ? { errors: inner(error.errors) } : {}),
  };
}

/** All fields of a line as plain data; never throws, whatever getters and proxies are in them. */
export function plainFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      try {
        return plainField(key, value, 0);
      } catch {
        return [key, '[unreadable]'];
      }
    }),
  );
}
