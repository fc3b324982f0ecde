import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';
import type { LogLine } from '../support/server.ts';
import { descriptors, quantile, residentKiB } from '../support/vitals.ts';
import { media, signalling, whip } from './attackers/browsers.ts';
import { rtmp, rtp, rtsp } from './attackers/encoders.ts';
import { recorder, rest } from './attackers/rest.ts';
import { SECURE_DOORS, tls } from './attackers/tls.ts';
import { Squad } from './squad.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 600);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);
/** Attackers of one door at the same time. */
const LANES = Number(process.env.FUZZ_LANES ?? 2);
const WATCH_MS = 1000;
/** A server that leaves a health check unanswered for so long hangs. */
const HANG_MS = 10_000;
/** What memory may have grown by after the first third: media that is held, and garbage not yet collected. */
const MAX_GROWTH = 1.25;
const CERTIFICATE = join(import.meta.dirname, '../unit/rtmp/tls');
const home = mkdtempSync(join(tmpdir(), 'recorderd-fuzz-'));
let server: TestServer;

afterEach(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

/**
 * Lines that say that the program, not a client, is wrong: whatever is logged as an error or is no line of the log, as
 * a stack trace, and every error class that code throws without meaning to. FFmpeg that refuses changed media is not, nor
 * media that could not be recorded because its publisher left before a key frame.
 */
const isProgrammingError = (line: LogLine): boolean =>
  line.level === 'raw' ||
  (line.level === 'error' && !/ffmpeg|child|media of a new track is lost/i.test(line.msg)) ||
  /\b(Type|Range|Reference|Syntax|Assertion)Error\b|ERR_[A-Z_]+|unhandled|uncaught/i.test(
    JSON.stringify(line['err'] ?? ''),
  );

/** A recording that lasts as long as the attack. */
function longSource(seconds: number): string {
  const file = join(home, 'canary.flv');
  const input = ['-stream_loop', '-1', '-i', inject('media').bframesFlv, '-t', String(seconds)];
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...input, '-c', 'copy', '-f', 'flv', file]);
  return file;
}

async function record(name: string): Promise<void> {
  const mediaSessionId = await eventually(async () => {
    const { status, json } = await server.rest('/stream/find', { name });
    return status === 200 ? (json as { mediaSessionId: string }[])[0]!.mediaSessionId : undefined;
  }, name);
  expect((await server.rest('/recorder/startup', { mediaSessionId })).status).toBe(200);
}

const healthMs = async (): Promise<number> => {
  const begin = performance.now();
  const url = `http://127.0.0.1:${server.port('http')}/healthz`;
  const { status } = await fetch(url, { signal: AbortSignal.timeout(HANG_MS) });
  if (status !== 200) throw new Error(`/healthz answers ${status}`);
  return performance.now() - begin;
};

interface Watch {
  readonly rssKiB: number[];
  readonly latenciesMs: number[];
}

/** Looks at the server every second. @throws when it is gone, hangs, or says that it is wrong. */
async function watch(seconds: number): Promise<Watch> {
  const seen: Watch = { rssKiB: [], latenciesMs: [] };
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    seen.latenciesMs.push(await healthMs());
    seen.rssKiB.push(residentKiB(server.pid));
    const wrong = server.logs.find(isProgrammingError);
    if (wrong !== undefined) throw new Error(`the server says: ${JSON.stringify(wrong)}`);
    await pause(WATCH_MS);
  }
  return seen;
}

function report(squad: Squad, { rssKiB, latenciesMs }: Watch): void {
  const mib = (kib: number): number => Math.round(kib / 1024);
  console.table(Object.fromEntries(squad.tallies));
  console.log(
    `seed ${SEED}, ${SECONDS} s; strikes that could not be made: ${JSON.stringify([...squad.failures])}\n` +
      `RSS at most ${mib(Math.max(...rssKiB))} MiB, at the end ${mib(rssKiB.at(-1)!)} MiB; ` +
      `/healthz p50 ${Math.round(quantile(latenciesMs, 0.5))} ms, p99 ${Math.round(quantile(latenciesMs, 0.99))} ms; ` +
      `${server.logs.length} log lines; ${server.records().length} records`,
  );
}

async function attack(seconds: number): Promise<Watch> {
  const squad = new Squad(server, SEED);
  squad.start([rtmp, rtsp, rtp, signalling, whip, media, rest, recorder, tls], LANES);
  try {
    const seen = await watch(seconds);
    await squad.stop();
    report(squad, seen);
    for (const { strikes } of squad.tallies.values()) expect(strikes).toBeGreaterThan(0);
    return seen;
  } catch (error) {
    throw new Error(`seed ${SEED}; the newest inputs are kept in ${squad.keep()}`, { cause: error });
  } finally {
    await squad.stop();
  }
}

/** A whole handshake, and the farewell. @throws when there is none. */
async function handshake(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.destroy();
}

async function expectUsable(): Promise<void> {
  const client = await RtmpClient.publishing(server.port('rtmp'), 'after');
  expect((await server.rest('/stream/find', { name: 'after' })).status).toBe(200);
  client.end();
  for (const door of SECURE_DOORS) await handshake(server.port(door));
  const none = async (): Promise<true | undefined> =>
    (await server.rest('/stream/find_all')).status === 404 ? true : undefined;
  // Sessions that were left without a farewell end when their time is over.
  await eventually(none, 'all streams ended', 60_000);
}

function expectSteady({ rssKiB }: Watch): void {
  const third = rssKiB.slice(0, Math.ceil(rssKiB.length / 3));
  const last = rssKiB.slice(-Math.ceil(rssKiB.length / 10));
  expect(quantile(last, 0.5)).toBeLessThanOrEqual(Math.max(...third) * MAX_GROWTH);
}

test(
  `${SECONDS} s of changed sessions through all doors at once neither end the server nor disturb a recording`,
  { timeout: (SECONDS + 600) * 1000 },
  async () => {
    console.log(`FUZZ_SEED=${SEED}`);
    // Starting, settling and ending of the attack take a while themselves.
    const source = longSource(SECONDS + 10);
    server = await TestServer.start({
      ...{ ip_local: '127.0.0.1', stream_record_policy: 'streamName', log_level: 'info' },
      ...{ webrtc_publish_timeout: 5, on_record_hook_script: hookInto().script },
      ...{ tls_certificate: join(CERTIFICATE, 'test-cert.pem'), tls_key: join(CERTIFICATE, 'test-key.pem') },
      ...Object.fromEntries(SECURE_DOORS.map((door) => [`${door}.port`, 0])),
    });
    const { pid } = server;
    await healthMs();
    const before = descriptors(pid);
    const publisher = publishFile(source, server.rtmpUrl('canary'));
    await record('canary');
    const seen = await attack(SECONDS);
    expect(await publisher.ended).toEqual({ code: 0, stderr: '' });
    const file = join(server.recordsDir, 'canary.mp4');
    await eventually(() => (existsSync(file) ? true : undefined), file, 30_000);
    await expectSamePackets(source, [file], 'v');
    await expectSamePackets(source, [file], 'a');
    expect(await decodeErrors(file)).toBe('');
    await expectUsable();
    expect(() => process.kill(pid, 0)).not.toThrow();
    expectSteady(seen);
    await eventually(
      () => (descriptors(pid) <= before + 4 ? true : undefined),
      `descriptors are back to ${before}`,
      60_000,
    );
    expect(server.logs.filter(isProgrammingError)).toEqual([]);
  },
);
