import { setTimeout as sleep } from 'node:timers/promises';

/** Looks until `look` returns something, or throws after `withinMs`. The only wait of the tests. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  withinMs = 30_000,
): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(20);
  }
  throw new Error(`${what}: not seen within ${withinMs} ms`);
}
