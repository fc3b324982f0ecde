import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectAligned, expectSamePackets } from '../support/compare.ts';
import { decodeErrors, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

async function expectWholeRecord(file: string): Promise<void> {
  await expectSamePackets(bframesFlv, [file], 'v');
  await expectSamePackets(bframesFlv, [file], 'a');
  await expectAligned(bframesFlv, file);
  expect(await decodeErrors(file)).toBe('');
}

// ffmpeg sends with the chunk size that the server announces.
test.each([128, 4096, 65536])(
  'ffmpeg publishes with %i-byte chunks: the record equals the source',
  async (chunk) => {
    server = await TestServer.start({ ...RECORD_ALL, rtmp_chunk_size: chunk });
    const publisher = await publishFile(bframesFlv, server.rtmpUrl('cam'), { fast: true }).ended;
    expect(publisher).toEqual({ code: 0, stderr: '' });
    expect(await server.recordsFinished(1)).toEqual(['cam.mp4']);
    const file = join(server.recordsDir, 'cam.mp4');
    await expectWholeRecord(file);
    const { format } = await probe(file);
    expect(Number(format.duration)).toBeCloseTo(12, 0);
    expect(Number(format.start_time)).toBe(0);
  },
);

test('eight streams at once in real time', async () => {
  server = await TestServer.start(RECORD_ALL);
  const names = Array.from({ length: 8 }, (_, i) => `cam${i + 1}`);
  const ends = await Promise.all(names.map((name) => publishFile(bframesFlv, server.rtmpUrl(name)).ended));
  for (const end of ends) expect(end).toEqual({ code: 0, stderr: '' });
  expect(await server.recordsFinished(8)).toEqual(names.map((name) => `${name}.mp4`));
  for (const name of names) await expectWholeRecord(join(server.recordsDir, `${name}.mp4`));
});
