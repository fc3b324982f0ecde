import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { flvTags } from '../support/flvTags.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { RtmpClient } from '../support/rtmpClient.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const SENT_MS = 6_000;
const HOUR_MS = 3_600_000;
const tags = flvTags(bframesFlv).filter(({ timeMs }) => timeMs < SENT_MS);
let server: TestServer;

afterEach(async () => server.close());

/** What the encoder's clock shows beside the time of the media: an hour more after 2 s, half of it less after 4 s. */
const setBy = (timeMs: number): number => (timeMs < 2_000 ? 0 : timeMs < 4_000 ? HOUR_MS : HOUR_MS / 2);

test('an encoder whose clock is set forward and back: every frame is kept, where it was', async () => {
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
  });
  const client = await RtmpClient.publishing(server.port('rtmp'), 'cam');
  for (const tag of tags) client[tag.kind](tag.timeMs + setBy(tag.timeMs), tag.body);
  client.end();
  expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
  const file = join(server.recordsDir, 'cam.mp4');
  expect(await decodeErrors(file)).toBe('');
  for (const kind of ['video', 'audio'] as const) {
    const found = await packetsOf(file, kind === 'video' ? 'v' : 'a');
    const wanted = (await packetsOf(bframesFlv, kind === 'video' ? 'v' : 'a')).slice(0, found.length);
    expect(found).toHaveLength(tags.filter((tag) => tag.kind === kind && !tag.isHeader).length);
    expect(found.map(({ md5 }) => md5)).toEqual(wanted.map(({ md5 }) => md5));
    for (const clock of ['dts', 'pts'] as const) {
      const off = found.map(
        (packet, i) => packet[clock] - found[0]![clock] - wanted[i]![clock] + wanted[0]![clock],
      );
      // Two leaps, and times of whole milliseconds.
      expect(Math.max(...off.map(Math.abs))).toBeLessThanOrEqual(3);
    }
  }
  await eventually(() => server.logged('rtmp stream ended'), 'the end');
  const lines = server.allLogged('timestamps of the publisher leapt and were mended');
  expect(lines[0]).toMatchObject({ level: 'warn', streamName: 'cam', byMs: HOUR_MS });
  expect(lines.reduce((sum, line) => sum + Number(line['more'] ?? 1), 0)).toBe(2);
});
