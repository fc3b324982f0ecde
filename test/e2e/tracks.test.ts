import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import type { FlvTag } from '../support/flvTags.ts';
import { decodeErrors, packetsOf, probe } from '../support/packets.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const tags = flvTags(bframesFlv);
const LATE_MS = 5000;
let server: TestServer;
let client: RtmpClient;

beforeEach(async () => {
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
    record_track_wait_ms: 200,
  });
  client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
});
afterEach(async () => server.close());

function send(some: readonly FlvTag[], addMs = 0): void {
  for (const tag of some) client[tag.kind](tag.timeMs + addMs, tag.body);
}

/** MD5s of the packets of one kind in all records, in order; a file without that kind has none. */
async function recorded(names: readonly string[], kind: 'video' | 'audio'): Promise<string[]> {
  const md5s: string[] = [];
  for (const name of names) {
    const file = join(server.recordsDir, name);
    const has = (await probe(file)).streams.some((stream) => stream.codec_type === kind);
    if (has) md5s.push(...(await packetsOf(file, kind === 'video' ? 'v' : 'a')).map((packet) => packet.md5));
  }
  return md5s;
}

async function sent(kind: 'video' | 'audio'): Promise<string[]> {
  return (await packetsOf(bframesFlv, kind === 'video' ? 'v' : 'a')).map((packet) => packet.md5);
}

/** The child is up, with the tracks that were known after the wait. */
async function childRuns(): Promise<void> {
  await eventually(() => server.logged('child started'), 'the child');
}

async function finish(): Promise<readonly string[]> {
  client.end();
  await eventually(() => server.logged('recording ended'), 'the end');
  for (const name of server.records()) expect(await decodeErrors(join(server.recordsDir, name))).toBe('');
  return server.records();
}

test.each(['audio', 'video'] as const)(
  '%s that starts late begins a part with both tracks; nothing is lost',
  async (late) => {
    const early = tags.filter((tag) => tag.timeMs < LATE_MS && tag.kind !== late);
    const lateHeader = tags.filter((tag) => tag.isHeader && tag.kind === late);
    const rest = tags.filter((tag) => tag.timeMs >= LATE_MS && !tag.isHeader);
    send(early);
    await childRuns();
    send(lateHeader, LATE_MS);
    send(rest);
    expect(await finish()).toEqual(['cam.mp4', 'cam_1.mp4']);
    const names = ['cam_1.mp4', 'cam.mp4'];
    for (const kind of ['video', 'audio'] as const) {
      const all = await sent(kind);
      const kept = await recorded(names, kind);
      if (kind !== late) expect(kept).toEqual(all);
      // Late video is decodable from its first key frame on; late audio is there to the last frame.
      else expect(kept).toEqual(all.slice(all.length - kept.length));
      const first = tags.find(
        (tag) => tag.kind === late && tag.timeMs >= LATE_MS && (kind === 'audio' || tag.body[0] === 0x17),
      );
      if (kind === late)
        expect(kept.length).toBe(
          tags.filter((tag) => tag.kind === late && tag.body[1] === 1 && tag.timeMs >= first!.timeMs).length,
        );
    }
  },
);

test('a changed AAC configuration begins a new part; nothing is lost', async () => {
  const before = tags.filter((tag) => tag.timeMs < LATE_MS);
  const after = tags.filter((tag) => tag.timeMs >= LATE_MS && !tag.isHeader);
  send(before);
  await childRuns();
  // The same AAC-LC with or without its explicit SBR signalling: other bytes, the same decoder.
  const first = tags.find((tag) => tag.isHeader && tag.kind === 'audio')!.body;
  const other =
    first.length > 4 ? first.subarray(0, 4) : Buffer.concat([first, Buffer.from('56e500', 'hex')]);
  client.audio(LATE_MS, other);
  send(after);
  expect(await finish()).toEqual(['cam.mp4', 'cam_1.mp4']);
  for (const kind of ['video', 'audio'] as const) {
    expect(await recorded(['cam_1.mp4', 'cam.mp4'], kind)).toEqual(await sent(kind));
  }
});

test('times past 24 bits and over the 32-bit wrap leave the record alone', async () => {
  for (const [name, addMs] of [
    ['late', 2 ** 24 - 3000],
    ['wrap', 2 ** 32 - 3000],
  ] as const) {
    const each = await RtmpClient.publishing(server.port('rtmp'), name);
    for (const tag of tags) each[tag.kind]((tag.timeMs + addMs) % 2 ** 32, tag.body);
    each.end();
    const file = join(server.recordsDir, `${name}.mp4`);
    await eventually(() => (server.records().includes(`${name}.mp4`) ? true : undefined), file);
    const [found, wanted] = [await packetsOf(file, 'v'), await packetsOf(bframesFlv, 'v')];
    expect(found.map((packet) => packet.md5)).toEqual(wanted.map((packet) => packet.md5));
    expect(found.at(-1)!.dts - found[0]!.dts).toBe(wanted.at(-1)!.dts - wanted[0]!.dts);
  }
  client.end();
});
