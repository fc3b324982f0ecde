import { readdir, readFile } from 'node:fs/promises';

/** What the process takes of its machine. */
export interface ProcessLoad {
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Media above all: it is outside the heap. */
  readonly externalBytes: number;
  /** User and system, without children. */
  readonly cpuSeconds: number;
  readonly openFds: number | undefined;
  readonly maxFds: number | undefined;
  /** Seconds since the epoch. */
  readonly startedAt: number;
}

/** Asks the system. Never rejects; what it does not tell is undefined. */
export async function processLoad(): Promise<ProcessLoad> {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const fds = await readdir('/proc/self/fd').catch(() => undefined);
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const maxFds = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return {
    ...{ residentBytes: rss, heapBytes: heapUsed, externalBytes: external },
    cpuSeconds: (user + system) / 1e6,
    openFds: fds?.length,
    maxFds: maxFds === undefined ? undefined : Number(maxFds),
    startedAt: performance.timeOrigin / 1000,
  };
}
