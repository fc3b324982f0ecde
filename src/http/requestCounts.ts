import type { Middleware } from 'koa';
import { Counts } from '../util/counts.ts';

/** How often a path was answered with a word. */
export interface PathCount {
  readonly path: string;
  readonly word: string;
  readonly count: number;
}

/** Folders whose files and sessions are counted together. */
const FOLDERS = ['/client/records', '/client2', '/whip', '/api', '/rest-api'];
const OTHER = 'other';

/** Answers and errors since the start of the server, by path: those that are served, and a few words for the rest. */
export class RequestCounts {
  readonly #paths = new Set<string>();
  readonly #answers = new Map<string, Counts<string>>();
  readonly #errors = new Map<string, Counts<string>>();

  get answers(): readonly PathCount[] {
    return listed(this.#answers);
  }

  get errors(): readonly PathCount[] {
    return listed(this.#errors);
  }

  /** Counts `path` under its own name from now on. */
  know(path: string): void {
    this.#paths.add(path);
  }

  /** @param code of the error; undefined for an answer that is none. */
  add(path: string, status: number, code: string | undefined): void {
    const label = this.#labelOf(path);
    countsOf(this.#answers, label).add(String(status));
    if (code !== undefined) countsOf(this.#errors, label).add(code);
  }

  #labelOf(path: string): string {
    if (this.#paths.has(path)) return path;
    return FOLDERS.find((folder) => path.startsWith(`${folder}/`)) ?? OTHER;
  }
}

/** Counts every answer; goes around {@link answerErrors}, which leaves the code of an error in the state. */
export function countRequests(counts: RequestCounts): Middleware {
  return async (ctx, next) => {
    await next();
    const { errorCode } = ctx.state as { readonly errorCode?: string };
    // Not `ctx.path`, whose parser throws for a URL that is none.
    counts.add(ctx.originalUrl.replace(/\?.*/s, ''), ctx.status, errorCode);
  };
}

function countsOf(by: Map<string, Counts<string>>, path: string): Counts<string> {
  let counts = by.get(path);
  if (counts === undefined) by.set(path, (counts = new Counts()));
  return counts;
}

function listed(by: ReadonlyMap<string, Counts<string>>): readonly PathCount[] {
  return [...by].flatMap(([path, counts]) =>
    counts.entries().map(([word, count]) => ({ path, word, count })),
  );
}
