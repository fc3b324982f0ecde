import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectAligned, expectSamePackets } from '../support/compare.ts';
import { decodeErrors, probe } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { bframesFlv, irregularFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

async function expectWholeRecord(file: string, source = bframesFlv): Promise<void> {
  await expectSamePackets(source, [file], 'v');
  await expectSamePackets(source, [file], 'a');
  await expectAligned(source, file);
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

test('a stream without B-frames, whose child probes nothing, keeps its irregular times', async () => {
  server = await TestServer.start(RECORD_ALL);
  const publisher = await publishFile(irregularFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  expect(publisher).toEqual({ code: 0, stderr: '' });
  await server.recordsFinished(1);
  await expectWholeRecord(join(server.recordsDir, 'cam.mp4'), irregularFlv);
  const { format } = await probe(join(server.recordsDir, 'cam.mp4'));
  expect(Number(format.start_time)).toBe(0);
});

test('and so do its parts', async () => {
  server = await TestServer.start({ ...RECORD_ALL, record_rotation: '2' });
  await publishFile(irregularFlv, server.rtmpUrl('cam'), { fast: true }).ended;
  const files = (await server.recordsFinished(2)).map((name) => join(server.recordsDir, name));
  const inOrder = [...files.slice(1), ...files.slice(0, 1)];
  await expectSamePackets(irregularFlv, inOrder, 'v');
  await expectSamePackets(irregularFlv, inOrder, 'a');
  for (const file of files) expect(await decodeErrors(file)).toBe('');
});
