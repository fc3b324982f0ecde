import { execFileSync } from 'node:child_process';
import type { IntegrityReport } from '../../src/domain/integrityReport.ts';
import { eventually } from './eventually.ts';
import type { TestServer } from './server.ts';

/** Waits for `count` reports with a digest; oldest part first. */
export async function reportsOf(server: TestServer, count: number): Promise<IntegrityReport[]> {
  return eventually(async () => {
    const { status, json } = await server.rest('/reports/find_all');
    const reports = status === 200 ? (json as IntegrityReport[]) : [];
    const isComplete = reports.length >= count && reports.every(({ sha256 }) => sha256 !== null);
    return isComplete ? reports.toReversed() : undefined;
  }, `${count} complete reports`);
}

/** As coreutils compute it. */
export function sha256Of(file: string): string {
  return execFileSync('sha256sum', ['--zero', file], { encoding: 'utf8' }).slice(0, 64);
}
