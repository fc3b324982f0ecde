import { readFileSync, readdirSync } from 'node:fs';

/** Memory of a process that is in RAM, KiB. */
export const residentKiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

/** Open descriptors of a process. */
export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Children of a process. */
export const children = (pid: number): number =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;

/** The value that a share of the others, 0 to 1, does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Everything under a server's home but finished records and what is kept of them: work folders, journals, spooled hooks. */
export const leftovers = (home: string): string[] =>
  readdirSync(home, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/^records\/(?:[^./][^/]*$|\.reports\/|\.catalogue\/)/.test(path))
    .sort();
