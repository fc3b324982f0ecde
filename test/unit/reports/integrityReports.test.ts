import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IntegrityReports } from '../../../src/reports/integrityReports.ts';
import type { ReportOptions } from '../../../src/reports/integrityReports.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { EVIDENCE, fileIn } from './support.ts';

let recordsDir: string;
let log: ReturnType<typeof memoryLog>;
beforeEach(() => {
  recordsDir = mkdtempSync(join(tmpdir(), 'recorderd-records-'));
  log = memoryLog();
});
afterEach(() => rmSync(recordsDir, { recursive: true, force: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function reportsOf(options: Partial<ReportOptions> = {}): Promise<IntegrityReports> {
  const all = { recordsDir, keep: 10, sha256: true, besideFile: false, ...options };
  const reports = new IntegrityReports(all, log);
  await reports.open();
  return reports;
}

test('a report is there at once, and its digest later, wherever the file has gone', async () => {
  const reports = await reportsOf();
  const part = fileIn(recordsDir, 'cam.ts');
  await reports.take(part, EVIDENCE);
  expect(await reports.find({ fileName: 'cam.ts' }, 1)).toHaveLength(1);
  renameSync(part.path, join(recordsDir, 'elsewhere'));
  await reports.drain(60_000);
  const [report] = await reports.find({}, 1);
  expect(report).toMatchObject({ ...EVIDENCE, recordingId: part.recordingId, partIndex: 2 });
  expect(report?.sha256).toBe(sha256('media'));
  expect(log.lines).toEqual([]);
});

test('a file that was changed has no digest, and the log says why', async () => {
  const reports = await reportsOf();
  const part = fileIn(recordsDir, 'cam.ts');
  await reports.take({ ...part, bytes: part.bytes + 1 }, EVIDENCE);
  await reports.drain(60_000);
  expect((await reports.find({}, 1))[0]?.sha256).toBeNull();
  expect(log.lines.map(({ message }) => message)).toEqual(['integrity report is not complete']);
});

test('a digest that an earlier process owed is made up for at the start, unless the file is another by now', async () => {
  const first = await reportsOf({ sha256: false });
  for (const name of ['a.ts', 'b.ts'])
    await first.take(fileIn(recordsDir, name, name, { recordingId: `rec-${name.slice(0, 1)}` }), EVIDENCE);
  await first.drain(60_000);
  expect((await first.find({}, 10)).map((report) => report.sha256)).toEqual([null, null]);
  appendFileSync(join(recordsDir, 'b.ts'), '!');
  const second = await reportsOf();
  await second.drain(60_000);
  const after = new Map((await second.find({}, 10)).map((report) => [report.fileName, report.sha256]));
  expect(after).toEqual(
    new Map([
      ['a.ts', sha256('a.ts')],
      ['b.ts', null],
    ]),
  );
});

test('a part that is announced twice keeps its first report', async () => {
  const reports = await reportsOf();
  const part = fileIn(recordsDir, 'cam.ts');
  await reports.take(part, EVIDENCE);
  await reports.take(part, { ...EVIDENCE, tracks: [] });
  await reports.drain(60_000);
  const found = await reports.find({}, 10);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ tracks: EVIDENCE.tracks, sha256: sha256('media') });
});

test.each([
  ['without digests', { sha256: false, besideFile: true }, 1, null],
  ['without kept reports', { keep: 0, besideFile: true }, 0, sha256('media')],
] as const)(
  '%s, the report beside the file is written all the same',
  async (_what, options, kept, digest) => {
    const reports = await reportsOf(options);
    const part = fileIn(recordsDir, 'cam.ts');
    await reports.take(part, EVIDENCE);
    await reports.drain(60_000);
    const beside: unknown = JSON.parse(readFileSync(`${part.path}.json`, 'utf8'));
    expect(beside).toMatchObject({ fileName: 'cam.ts', sha256: digest });
    expect(await reports.find({}, 10)).toHaveLength(kept);
    expect(existsSync(join(recordsDir, '.reports'))).toBe(kept > 0);
  },
);

test('a folder that cannot be written costs the report and nothing else', async () => {
  const reports = await reportsOf();
  rmSync(join(recordsDir, '.reports'), { recursive: true });
  await reports.take(fileIn(recordsDir, 'cam.ts'), EVIDENCE);
  await reports.drain(60_000);
  expect(new Set(log.lines.map(({ message }) => message))).toEqual(
    new Set(['integrity report cannot be written']),
  );
});

test('a removed report stays removed, also when its digest was under way, and so does the one beside the file', async () => {
  const reports = await reportsOf({ besideFile: true });
  const [kept, removed] = ['kept', 'removed'].map((name) =>
    fileIn(recordsDir, `${name}.ts`, name, { recordingId: name }),
  );
  await reports.take(kept!, EVIDENCE);
  await reports.take(removed!, EVIDENCE);
  await reports.remove({ recordingId: 'removed', partIndex: 2, fileName: 'removed.ts' });
  await reports.drain(60_000);
  expect((await reports.find({}, 10)).map(({ fileName }) => fileName)).toEqual(['kept.ts']);
  expect(existsSync(`${removed!.path}.json`)).toBe(false);
  const again = await reportsOf({ besideFile: true });
  await again.remove({ recordingId: 'kept', partIndex: 2, fileName: 'kept.ts' });
  expect(await again.find({}, 10)).toEqual([]);
  expect(existsSync(`${kept!.path}.json`)).toBe(false);
  await again.drain(60_000);
});
