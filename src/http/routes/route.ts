import type * as z from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';

/** What `/openapi.json` tells of a path under `/rest-api`. */
export interface RouteDescription {
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST')[];
  /** One sentence for the reader of the description. */
  readonly summary: string;
  /** Of the body; absent when none is read. The handler checks it. */
  readonly request?: z.ZodType;
  /** Of the JSON that status 200 carries; absent for an empty answer. */
  readonly answer?: z.ZodType;
  /** Not for web pages of other sites, unless `cors_origin` names theirs. Calls that WCS has must stay open to them. */
  readonly isGuardedFromPages?: true;
  /** Errors beside those that every path can have. */
  readonly errors: readonly ErrorCode[];
}

/** What such a path does. */
export interface Route extends RouteDescription {
  /** Gets the parsed body; what it gives becomes the JSON answer, undefined an empty one. Always status 200. */
  readonly handle: (body: unknown) => unknown;
}

/** `items`, or `error` thrown when there are none: WCS answers an empty list with 404. */
export function someOf<T>(items: readonly T[], error: Error): readonly T[] {
  if (items.length === 0) throw error;
  return items;
}

/** The items whose fields equal those of `filter`; absent and null fields of it match everything. */
export function matching<T extends object>(items: readonly T[], filter: object): readonly T[] {
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined && value !== null);
  return items.filter((item) => wanted.every(([field, value]) => Reflect.get(item, field) === value));
}

/** The fields that are given: null counts as absent. */
export function withoutNulls<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as { [K in keyof T]?: NonNullable<T[K]> };
}
