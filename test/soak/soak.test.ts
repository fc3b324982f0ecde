import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { TestServer } from '../support/server.ts';
import { h264Source, publishShort, vp8Source } from '../support/shortSource.ts';
import { children, descriptors, leftovers, quantile, residentKiB } from '../support/vitals.ts';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 7200);
/** Recordings that begin each second. */
const RATE = Number(process.env.SOAK_RATE ?? 1);
const LANES = 4;
const ROW_MS = Math.min(60_000, (SECONDS * 1000) / 5);
const LOOK_MS = 250;
/** Memory at the end against the most of the first third, which warms up. */
const MAX_GROWTH = 1.15;
let server: TestServer;

afterEach(async () => server.close());

interface Row {
  readonly seconds: number;
  readonly recordings: number;
  readonly rssMiB: number;
  readonly descriptors: number;
  readonly children: number;
  readonly leftovers: number;
  readonly restP50Ms: number;
  readonly restP99Ms: number;
  /** Of the delays of the server's event loop since the row before. */
  readonly loopP99Ms: number;
}

const print = (row: Row): void =>
  console.log(
    Object.entries(row)
      .map(([key, value]) => `${key} ${String(value)}`)
      .join('  '),
  );

async function restMs(): Promise<number> {
  const begin = performance.now();
  const { status } = await server.rest('/connection/find_all');
  if (status !== 200 && status !== 404) throw new Error(`REST answers ${status}`);
  return performance.now() - begin;
}

async function loopP99Ms(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port('http')}/metrics`)).text();
  const seconds = /^recorderd_event_loop_delay_p99_seconds (\S+)$/m.exec(text)?.[1];
  return Math.round(Number(seconds) * 10_000) / 10;
}

/** Publishes and stops until `end`, `RATE` times a second over all lanes. @returns the names published. */
async function publishUntil(end: number, published: string[]): Promise<void> {
  const sources = [h264Source(inject('media').irregularFlv, 25), vp8Source(25)];
  const lane = async (index: number): Promise<void> => {
    for (let due = Date.now() + (index * 1000) / RATE; due < end; due += (LANES * 1000) / RATE) {
      await pause(Math.max(0, due - Date.now()));
      const name = `soak${published.length}`;
      published.push(name);
      await publishShort(server.port('rtmp'), name, sources[published.length % sources.length]!);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
}

/** Removes what is recorded, so that hours fit on the disk. @returns how many there were. */
function takeRecords(): number {
  const records = server.records();
  for (const name of records) rmSync(join(server.recordsDir, name));
  return records.length;
}

/** A row a minute until `end`; records that are there are counted and removed. */
async function watch(begin: number, end: number, published: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  while (Date.now() < end) {
    const latencies: number[] = [];
    for (const until = Date.now() + ROW_MS; Date.now() < until;) {
      latencies.push(await restMs());
      await pause(LOOK_MS);
    }
    const ms = (share: number): number => Math.round(quantile(latencies, share) * 10) / 10;
    const row = {
      seconds: Math.round((Date.now() - begin) / 1000),
      recordings: published.length,
      rssMiB: Math.round(residentKiB(server.pid) / 1024),
      descriptors: descriptors(server.pid),
      children: children(server.pid),
      leftovers: leftovers(server.home).length,
      restP50Ms: ms(0.5),
      restP99Ms: ms(0.99),
      loopP99Ms: await loopP99Ms(),
    };
    print(row);
    rows.push(row);
  }
  return rows;
}

function expectSteady(rows: readonly Row[]): void {
  const third = rows.slice(0, Math.ceil(rows.length / 3));
  const last = rows.slice(-Math.ceil(rows.length / 10));
  const most = Math.max(...third.map(({ rssMiB }) => rssMiB));
  expect(
    quantile(
      last.map(({ rssMiB }) => rssMiB),
      0.5,
    ),
  ).toBeLessThanOrEqual(most * MAX_GROWTH);
}

test(
  `${SECONDS} s of publishing and stopping leave a server as it was`,
  { timeout: (SECONDS + 300) * 1000 },
  async () => {
    const hook = hookInto();
    server = await TestServer.start({
      ...{ record_flash_published_streams: true, stream_record_policy: 'streamName', log_level: 'info' },
      ...{ record_track_wait_ms: 500, on_record_hook_script: hook.script },
    });
    // What stays for good, e.g. the listener of the first connection, is there before anything is counted.
    await publishShort(server.port('rtmp'), 'first', vp8Source(25));
    await eventually(() => (hook.calls().length === 1 ? true : undefined), 'the first hook');
    // Its hook is called before it is no longer owed.
    const isOver = (): true | undefined =>
      children(server.pid) === 0 && !leftovers(server.home).some((path) => /\/hooks\/\d/.test(path))
        ? true
        : undefined;
    await eventually(isOver, 'the first is over');
    const before = { files: leftovers(server.home), descriptors: descriptors(server.pid) };
    const published: string[] = [];
    const begin = Date.now();
    const end = begin + SECONDS * 1000;
    const [rows] = await Promise.all([watch(begin, end, published), publishUntil(end, published)]);
    const hooked = (): string[] => hook.calls().map(([name]) => name!);
    const all = published.length + 1;
    await eventually(() => (hooked().length >= all ? true : undefined), `${all} hooks`, 60_000);
    expect(hooked().sort()).toEqual(['first', ...published].sort());
    expect(takeRecords()).toBe(all);
    const isBack = (): true | undefined =>
      leftovers(server.home).join() === before.files.join() &&
      descriptors(server.pid) <= before.descriptors &&
      children(server.pid) === 0
        ? true
        : undefined;
    await eventually(isBack, `folders, ${before.descriptors} descriptors and no child, as before`, 30_000);
    expect(server.logs.filter(({ level }) => level === 'error' || level === 'raw')).toEqual([]);
    expectSteady(rows);
    console.log(`verdict: steady; ${all} recordings, every hook once`);
  },
);
