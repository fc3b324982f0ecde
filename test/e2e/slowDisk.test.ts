import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { decodeErrors, packetsOf } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { hdFlv } = inject('media');
let server: TestServer;

afterEach(async () => server.close());

/** The pid of the first child of a stream's recording. */
const childOf = (stream: string): Promise<number> =>
  eventually(() => {
    const recording = server.allLogged('recording started').find((line) => line['stream'] === stream);
    const child = server
      .allLogged('child started')
      .find((line) => line['recordingId'] === recording?.['recordingId'] && recording !== undefined);
    return child && Number(child['pid']);
  }, `the child of ${stream}`);

test('a recording whose disk takes nothing holds up its own publisher and nobody else, and loses nothing', async () => {
  server = await TestServer.start({
    record_flash_published_streams: true,
    stream_record_policy: 'streamName',
    record_buffer_max_bytes: 8_388_608,
    record_stop_timeout: 60,
  });
  const slow = publishFile(hdFlv, server.rtmpUrl('slow'), { fast: true, loop: 9 });
  const child = await childOf('slow');
  // Stands still as a process does whose writes the disk does not take.
  process.kill(child, 'SIGSTOP');
  await eventually(() => server.logged('publisher waits for its recording'), 'the held publisher');

  const other = publishFile(hdFlv, server.rtmpUrl('other'));
  expect(await other.ended).toMatchObject({ code: 0 });
  await eventually(() => (server.records().includes('other.mp4') ? true : undefined), 'the other record');
  await expectSamePackets(hdFlv, [join(server.recordsDir, 'other.mp4')], 'v');
  expect((await server.rest('/recorder/find_all')).json).toMatchObject([{ fileName: 'slow.mp4' }]);
  expect(server.allLogged('publisher waits for its recording')).toHaveLength(1);

  process.kill(child, 'SIGCONT');
  expect(await slow.ended).toMatchObject({ code: 0 });
  await server.recordsFinished(2);
  expect(await decodeErrors(join(server.recordsDir, 'slow.mp4'))).toBe('');
  const [sent, found] = [
    await packetsOf(hdFlv, 'v'),
    await packetsOf(join(server.recordsDir, 'slow.mp4'), 'v'),
  ];
  expect(found).toHaveLength(sent.length * 10);
});
