import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { expectAligned, expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import { hookInto } from '../support/hook.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { publishFile, startPublisher } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { expectSamePictures } from '../support/rtspPublishers.ts';
import { TestServer } from '../support/server.ts';
import { framesIn } from '../support/webrtc/recordings.ts';
import { WhipClient } from '../support/webrtc/whipClient.ts';

const { bframesFlv } = inject('media');
const { gstPython } = inject('peers');
const RECORD_ALL = {
  record_flash_published_streams: true,
  record_rtsp_streams: true,
  stream_record_policy: 'streamName',
};
let server: TestServer;
const publishers: PublisherProcess[] = [];

afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.kill('SIGKILL');
  await server.close();
});

type Rows = readonly Readonly<Record<string, unknown>>[];
const found = async (path: string): Promise<Rows> => {
  const { status, json } = await server.rest(path);
  return status === 200 ? (json as Rows) : [];
};
const streamOf = async (name: string): Promise<Rows[number] | undefined> =>
  (await found('/stream/find_all')).find((stream) => stream['name'] === name && stream['hasVideo'] === true);
const live = (name: string): Promise<Rows[number]> => eventually(() => streamOf(name), `${name} is live`);

/** Publishes in real time until the end of the test. */
function publish(name: string, loop = 20): PublisherProcess {
  const publisher = publishFile(bframesFlv, server.rtmpUrl(name), { loop });
  publishers.push(publisher);
  return publisher;
}

/** A stream has been recorded for so long. */
const recordedFor = (name: string, ms: number): Promise<true> =>
  eventually(async () => {
    const info = (await streamOf(name))?.['streamInfo'] as { recordTimestamp: number | null } | undefined;
    return (info?.recordTimestamp ?? 0) > ms ? true : undefined;
  }, `${ms} ms of ${name}`);

/** The process that publishes a stream; undefined: the server itself. */
const workerOf = (name: string): unknown => {
  const line = server.allLogged('rtmp stream published').findLast((each) => each['streamName'] === name);
  return line?.['worker'];
};
const pidOf = (worker: unknown): number =>
  Number(server.allLogged('ingest worker is ready').findLast((line) => line['worker'] === worker)!['pid']);

describe('with two workers', () => {
  test('streams of every protocol are recorded whole, each in one of them, and hooks run', async () => {
    const hook = hookInto();
    server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 2, on_record_hook_script: hook.script });
    const rtsp = (name: string, transport: string): PublisherProcess =>
      startPublisher('ffmpeg', [
        ...['-v', 'error', '-nostdin', '-re', '-i', bframesFlv, '-map', '0', '-c', 'copy'],
        ...['-f', 'rtsp', '-rtsp_transport', transport, server.rtspUrl(name)],
      ]);
    const all = [
      publishFile(bframesFlv, server.rtmpUrl('one')),
      publishFile(bframesFlv, server.rtmpUrl('two')),
      rtsp('tcp', 'tcp'),
      rtsp('udp', 'udp'),
    ];
    await live('one');
    await live('udp');
    expect((await found('/connection/find_all')).length).toBe(4);
    const metrics = await fetch(`http://127.0.0.1:${server.port('http')}/metrics`);
    const families = parseExposition(await metrics.text());
    for (const worker of ['1', '2'])
      expect(valueOf(families, 'recorderd_worker_streams', { worker })).toBe(2);
    for (const { ended } of all) expect((await ended).code).toBe(0);
    expect(await server.recordsFinished(4)).toEqual(['one.mp4', 'tcp.mp4', 'two.mp4', 'udp.mp4']);
    for (const name of server.records()) {
      const file = join(server.recordsDir, name);
      expect(await decodeErrors(file)).toBe('');
    }
    for (const name of ['one.mp4', 'two.mp4']) {
      await expectSamePackets(bframesFlv, [join(server.recordsDir, name)], 'v');
      await expectSamePackets(bframesFlv, [join(server.recordsDir, name)], 'a');
      await expectAligned(bframesFlv, join(server.recordsDir, name));
    }
    for (const name of ['tcp.mp4', 'udp.mp4'])
      await expectSamePictures(bframesFlv, join(server.recordsDir, name));
    await eventually(() => (hook.calls().length === 4 ? true : undefined), 'the hooks');
    await eventually(
      async () => ((await found('/connection/find_all')).length === 0 ? true : undefined),
      'no connection',
    );
  });

  test('REST sees and does what it does without them', async () => {
    server = await TestServer.start({ stream_record_policy: 'streamName', ingest_workers: 2 });
    publish('cam');
    const { mediaSessionId, sessionId } = await live('cam');
    expect(workerOf('cam')).toBeDefined();
    const started = await server.rest('/stream/startRecording', { mediaSessionId, fileName: 'mine.mp4' });
    expect(started.status).toBe(200);
    expect(await found('/recorder/find_all')).toEqual([{ fileName: 'mine.mp4', mediaSessionId }]);
    expect(await streamOf('cam')).toMatchObject({ record: true, recordName: 'mine.mp4', sessionId });
    const snapshot = await eventually(async () => {
      const { status, json } = await server.rest('/stream/snapshot', { streamName: 'cam' });
      return status === 200 ? (json as { data: string }).data : undefined;
    }, 'a picture');
    expect(Buffer.from(snapshot, 'base64').subarray(1, 4).toString()).toBe('PNG');
    expect((await server.rest('/stream/stopRecording', { mediaSessionId })).status).toBe(200);
    expect(server.records()).toEqual(['mine.mp4']);
    expect((await server.rest('/stream/stopRecording', { mediaSessionId })).status).toBe(404);
    const second = publishFile(bframesFlv, server.rtmpUrl('cam'));
    expect((await second.ended).code).not.toBe(0);
    expect((await server.rest('/stream/terminate', { mediaSessionId })).status).toBe(200);
    await eventually(
      async () => ((await streamOf('cam')) === undefined ? true : undefined),
      'the end of cam',
    );
    publish('other');
    const other = await live('other');
    expect((await server.rest('/connection/terminate', { sessionId: other['sessionId'] })).status).toBe(200);
    await eventually(
      async () => ((await streamOf('other')) === undefined ? true : undefined),
      'the end of other',
    );
  });

  test('one that is killed costs only its own streams; their files are finished and their names free', async () => {
    const hook = hookInto();
    server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 2, on_record_hook_script: hook.script });
    const whole = publishFile(bframesFlv, server.rtmpUrl('whole'));
    await live('whole');
    publish('cut');
    await live('cut');
    const dead = workerOf('cut');
    expect(dead).not.toBe(workerOf('whole'));
    await recordedFor('cut', 3000);
    process.kill(pidOf(dead), 'SIGKILL');
    expect(await server.recordsFinished(1)).toEqual(['cut.mp4']);
    expect(server.logged('ingest worker died; what it recorded is being finished')).toMatchObject({
      worker: dead,
    });
    const file = join(server.recordsDir, 'cut.mp4');
    expect(await decodeErrors(file)).toBe('');
    const source = (await packetsOf(bframesFlv, 'v')).map(({ md5 }) => md5);
    const kept = (await packetsOf(file, 'v')).map(({ md5 }) => md5);
    expect(kept.length).toBeGreaterThan(30);
    expect(kept.slice(0, source.length)).toEqual(source.slice(0, kept.length));
    await eventually(() => (hook.calls().length === 1 ? true : undefined), 'the hook of cut');
    // The other one goes on, a new one comes, and the name can be published again.
    publish('cut');
    await live('cut');
    await eventually(
      () => (server.allLogged('ingest worker is ready').length === 3 ? true : undefined),
      'another worker',
    );
    expect((await whole.ended).code).toBe(0);
    await server.recordsFinished(2);
    await expectSamePackets(bframesFlv, [join(server.recordsDir, 'whole.mp4')], 'v');
  });

  test('when the server is killed they end, and the next start finishes what they recorded', async () => {
    server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 2 });
    publish('one');
    publish('two');
    await live('one');
    await live('two');
    const pids = [workerOf('one'), workerOf('two')].map(pidOf);
    const isAlive = (pid: number): boolean => readdirSync('/proc').includes(String(pid));
    expect(pids.every(isAlive)).toBe(true);
    await recordedFor('one', 2000);
    await recordedFor('two', 2000);
    server.signal('SIGKILL');
    await server.exited();
    await eventually(() => (pids.some(isAlive) ? undefined : true), 'the end of both workers');
    server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 2 }, server.home);
    expect(await server.recordsFinished(2)).toEqual(['one.mp4', 'two.mp4']);
    for (const name of server.records()) expect(await decodeErrors(join(server.recordsDir, name))).toBe('');
  });

  test('limits hold for all processes together', async () => {
    server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 2, max_streams: 2 });
    publish('one');
    publish('two');
    await live('one');
    await live('two');
    expect((await publishFile(bframesFlv, server.rtmpUrl('three')).ended).code).not.toBe(0);
    expect((await found('/stream/find_all')).length).toBe(2);
  });

  test('a publisher that comes back goes on with its recording, which one of them keeps', async () => {
    server = await TestServer.start({
      ...RECORD_ALL,
      ...{ ingest_workers: 2, record_reconnect_window: 60, record_reconnect_policy: 'keep-time' },
    });
    for (let round = 1; round <= 3; round++) {
      const publisher = publish('cam');
      await live('cam');
      publisher.kill('SIGKILL');
      await eventually(
        async () => ((await streamOf('cam')) === undefined ? true : undefined),
        'the end of cam',
      );
    }
    expect(new Set(server.allLogged('rtmp stream published').map((line) => line['worker'])).size).toBe(1);
    expect(server.allLogged('recording started').length).toBe(1);
  });

  test('settings that are read again apply to what begins there', async () => {
    server = await TestServer.start({ stream_record_policy: 'streamName', ingest_workers: 1 });
    publish('before');
    await live('before');
    expect(server.allLogged('recording started')).toEqual([]);
    mkdirSync(join(server.home, 'conf'));
    writeFileSync(join(server.home, 'conf/flashphoner.properties'), 'record_flash_published_streams=true\n');
    server.signal('SIGHUP');
    await eventually(() => server.logged('settings are read again'), 'the reload');
    publish('after');
    await live('after');
    expect(server.allLogged('recording started')).toMatchObject([{ stream: 'after', worker: 1 }]);
  });
});

test('one that hangs is killed, and what it recorded is finished', async () => {
  server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 1 });
  publish('cam');
  await recordedFor('cam', 2000);
  process.kill(pidOf(workerOf('cam')), 'SIGSTOP');
  await eventually(() => server.logged('ingest worker hangs and is killed'), 'the end of the worker', 60_000);
  expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
  expect(await decodeErrors(join(server.recordsDir, 'cam.mp4'))).toBe('');
}, 90_000);

describe.skipIf(gstPython === null)('WebRTC', () => {
  test('is received by a worker, as many publishers as there may be in all', async () => {
    server = await TestServer.start({
      ...{ stream_record_policy: 'streamName', ingest_workers: 1, webrtc_max_publishers: 1 },
    });
    const url = (name: string): string => `http://127.0.0.1:${server.port('http')}/whip/${name}?record=true`;
    const client = new WhipClient(gstPython!, url('cam'), { seconds: 4 });
    const stream = await live('cam');
    expect(stream).toMatchObject({ mediaProvider: 'WebRTC', status: 'PUBLISHING' });
    const second = await fetch(url('second'), {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: 'v=0\r\n',
    });
    expect(second.status).toBe(503);
    const sent = await client.seen('sent');
    expect((await client.ended()).code).toBe(0);
    const [file] = await server.recordsFinished(1);
    expect(await framesIn(join(server.recordsDir, file!))).toBe(sent['frames']);
    expect(server.logged('webrtc stream published')).toMatchObject({ worker: 1 });
  });
});

test('by itself the server starts one when it is busy, and new streams go there', async () => {
  server = await TestServer.start({ ...RECORD_ALL, ingest_workers: 'auto' });
  publish('calm');
  await live('calm');
  expect(workerOf('calm')).toBeUndefined();
  let isOver = false;
  const flood = Array.from({ length: 4 }, async () => {
    while (!isOver) await server.rest('/stream/find_all');
  });
  try {
    await eventually(() => server.logged('ingest worker is ready'), 'a worker');
    const moved = await eventually(async () => {
      const name = `busy${server.allLogged('rtmp stream published').length}`;
      publish(name);
      await live(name);
      return workerOf(name) === undefined ? undefined : name;
    }, 'a stream in the worker');
    expect(workerOf(moved)).toBe(1);
  } finally {
    isOver = true;
    await Promise.all(flood);
  }
});
