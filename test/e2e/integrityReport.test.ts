import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import type { IntegrityReport } from '../../src/domain/integrityReport.ts';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import { packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { reportsOf, sha256Of } from '../support/reports.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { RtpSource, RtspClient, SDP } from '../support/rtspHarness.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
const KINDS = ['video', 'audio'] as const;
let server: TestServer;

afterEach(async () => server.close());

const trackOf = ({ tracks }: IntegrityReport, kind: 'video' | 'audio') =>
  tracks.find((track) => track.kind === kind)!;
const sourceCount = async (kind: 'video' | 'audio'): Promise<number> =>
  (await packetsOf(bframesFlv, kind === 'video' ? 'v' : 'a')).length;

/** What came in is in the file, by our count and by FFmpeg's. */
async function expectAllInFile(report: IntegrityReport, file: string, kinds = [...KINDS]): Promise<void> {
  for (const kind of kinds) {
    const packets = await packetsOf(file, kind === 'video' ? 'v' : 'a');
    const bytes = packets.reduce((sum, { size }) => sum + size, 0);
    const facts = {
      packetsIn: packets.length,
      packetsInFile: packets.length,
      bytesIn: bytes,
      bytesInFile: bytes,
    };
    expect(trackOf(report, kind), kind).toMatchObject({ ...facts, transcoded: false });
  }
}

test('a hook that moves the file at once: the report has its counts and its digest all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-moved-'));
  const script = join(folder, 'hook.sh');
  writeFileSync(script, `#!/bin/sh\nmv "$2" '${folder}/'\n`, { mode: 0o755 });
  const settings = { ...RECORD_ALL, on_record_hook_script: script };
  server = await TestServer.start(settings);
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const file = join(folder, 'cam.mp4');
  await eventually(() => statSync(file, { throwIfNoEntry: false }), 'the moved file');
  const [report] = await reportsOf(server, 1);
  const { version } = report!.ffmpeg;
  expect(report).toMatchObject({
    ...{ version: 1, partIndex: 1, last: true, streamName: 'cam', fileName: 'cam.mp4', container: 'mp4' },
    ...{ stopReason: 'publisher-left', incidents: [], incidentsLeftOut: 0, bytes: statSync(file).size },
    ffmpeg: { version: server.logged('ready')!['recordFfmpegVersion'], exitCode: 0, signal: null },
    sha256: sha256Of(file),
  });
  expect(version).toMatch(/\d/);
  await expectAllInFile(report!, file);
  const { firstPtsMs, lastPtsMs } = trackOf(report!, 'video');
  expect(lastPtsMs! - firstPtsMs!).toBe((await sourceCount('video')) * 40 - 40);
});

test('Matroska is counted, too; the report beside the file is whole and taken for no recording', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_formats: 'h264-mkv', record_report_file: true });
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const [report] = await reportsOf(server, 1);
  const beside = await eventually(() => {
    const file = join(server.recordsDir, 'cam.mkv.json');
    return statSync(file, { throwIfNoEntry: false }) && readFileSync(file, 'utf8');
  }, 'the report beside the file');
  expect(JSON.parse(beside)).toEqual(report);
  expect(report!.sha256).toBe(sha256Of(join(server.recordsDir, 'cam.mkv')));
  await expectAllInFile(report!, join(server.recordsDir, 'cam.mkv'));
  const served = await fetch(`http://127.0.0.1:${server.port('http')}/client/records/cam.mkv.json`);
  expect(served.status).toBe(404);
  await eventually(() => server.logged('record appeared'), 'the watcher to see the record');
  expect(server.allLogged('record appeared').map(({ file }) => file)).toEqual([
    join(server.recordsDir, 'cam.mkv'),
  ]);
});

test('parts by time: each picture is counted in the part that holds it, and every packet in one', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: 4 });
  await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  await server.recordsFinished(3);
  const reports = await reportsOf(server, 3);
  expect(reports.map(({ partIndex, last }) => [partIndex, last])).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ]);
  for (const report of reports) {
    await expectAllInFile(report, join(server.recordsDir, report.fileName), ['video']);
    expect(report.sha256).toBe(sha256Of(join(server.recordsDir, report.fileName)));
  }
  for (const kind of KINDS) {
    for (const field of ['packetsIn', 'packetsInFile'] as const) {
      const sum = reports.reduce((all, report) => all + trackOf(report, kind)[field]!, 0);
      expect(sum, `${kind} ${field}`).toBe(await sourceCount(kind));
    }
  }
});

test('kill -9 of the child: the report of its part says so, and that nothing is lost', async () => {
  server = await TestServer.start(RECORD_ALL);
  const tags = flvTags(bframesFlv);
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  for (const tag of tags.filter(({ timeMs }) => timeMs < 7000)) client[tag.kind](tag.timeMs, tag.body);
  await eventually(() => {
    const names = readdirSync(join(server.recordsDir, '.work'), { recursive: true, encoding: 'utf8' });
    const file = names.find((name) => name.endsWith('.mp4'));
    const size = file === undefined ? 0 : statSync(join(server.recordsDir, '.work', file)).size;
    return size > 300_000 ? true : undefined;
  }, 'some media on disk');
  process.kill(Number(server.logged('child started')!['pid']), 'SIGKILL');
  await eventually(() => server.logged('child is replaced'), 'another child');
  for (const tag of tags.filter(({ timeMs }) => timeMs >= 7000)) client[tag.kind](tag.timeMs, tag.body);
  client.end();
  const [first, second] = await reportsOf(server, 2);
  expect(first!.incidents).toMatchObject([{ cause: 'child-died', lostMs: 0 }]);
  expect(first!.ffmpeg).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  expect(second!.incidents).toEqual([]);
  expect(second!.ffmpeg).toMatchObject({ exitCode: 0, signal: null });
  for (const report of [first!, second!]) {
    await expectAllInFile(report, join(server.recordsDir, report.fileName));
  }
  for (const kind of KINDS) {
    const sum = trackOf(first!, kind).packetsIn! + trackOf(second!, kind).packetsIn!;
    expect(sum, kind).toBe(await sourceCount(kind));
  }
});

test('RTP that never came is in the report: one incident with count and length, however many losses', async () => {
  const alone = { record_rtsp_streams: true, stream_record_policy: 'streamName' };
  server = await TestServer.start(alone);
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const client = await RtspClient.open(server.port('rtsp'));
  await client.announce(SDP.replace(/m=video[^]*(?=m=audio)/, ''));
  const { port } = socket.address();
  const answer = await client.setup(1, `RTP/AVP;unicast;client_port=${port}-${port + 1};mode=record`);
  const [, to] = /server_port=(\d+)/.exec(answer.headers.get('transport') ?? '')!;
  expect((await client.record()).status).toBe(200);
  const source = new RtpSource();
  const began = Date.now();
  for (let i = 0; i < 100; i++) {
    const packet = source.sound(i);
    if (i !== 12 && i !== 30 && i !== 31) socket.send(packet, Number(to), '127.0.0.1');
  }
  await client.ask('TEARDOWN');
  const [report] = await reportsOf(server, 1);
  socket.close();
  client.end();
  expect(trackOf(report!, 'audio').packetsIn).toBe(97);
  expect(report!.incidents).toMatchObject([{ cause: 'packets-lost', trackId: 2, packets: 3, lostMs: 60 }]);
  const { from, to: until } = report!.incidents[0]!;
  expect(from).toBeGreaterThanOrEqual(began - 60);
  expect(until).toBeGreaterThanOrEqual(from);
});
