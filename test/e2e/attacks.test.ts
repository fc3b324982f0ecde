import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { eventually } from '../support/eventually.ts';
import { decodeErrors } from '../support/packets.ts';
import { publishFile } from '../support/publishers.ts';
import { HANDSHAKE, SESSIONS, mutate, random } from '../support/rtmpFuzz.ts';
import { TestServer } from '../support/server.ts';
import { strike } from '../support/strike.ts';
import { descriptors, residentKiB } from '../support/vitals.ts';

const { bframesFlv } = inject('media');
const CONNECTIONS = 5000;
const AT_ONCE = 40;
let server: TestServer;

afterEach(async () => server.close());

/** Noise, or a session with a few places changed: the same for the same seed. */
function attack(n: number, next: () => number): Buffer {
  if (next() < 0.1) return Buffer.from(Array.from({ length: Math.floor(next() * 4000) }, () => next() * 256));
  return Buffer.concat([HANDSHAKE, mutate(SESSIONS[n % SESSIONS.length]!, next)]);
}

async function strikeMany(count: number, seed: number): Promise<void> {
  const next = random(seed);
  const port = server.port('rtmp');
  const attacks = Array.from({ length: count }, (_, n) => ({ bytes: attack(n, next), reset: next() < 0.3 }));
  const worker = async (): Promise<void> => {
    for (let one = attacks.pop(); one !== undefined; one = attacks.pop())
      await strike(port, one.bytes, { reset: one.reset });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** A stream is recorded while malformed connections come in; the record is whole. */
async function attackDuring(canary: string, connections: number, seed: number): Promise<void> {
  const publisher = publishFile(bframesFlv, server.rtmpUrl(canary));
  const mediaSessionId = await eventually(async () => {
    const answer = await server.rest('/stream/find', { name: canary });
    return answer.status === 200
      ? (answer.json as { mediaSessionId: string }[])[0]!.mediaSessionId
      : undefined;
  }, 'the canary');
  expect((await server.rest('/recorder/startup', { mediaSessionId })).status).toBe(200);
  await strikeMany(connections, seed);
  expect(await publisher.ended).toEqual({ code: 0, stderr: '' });
  const file = join(server.recordsDir, `${canary}.mp4`);
  await eventually(() => (server.records().includes(`${canary}.mp4`) ? true : undefined), file);
  await expectSamePackets(bframesFlv, [file], 'v');
  await expectSamePackets(bframesFlv, [file], 'a');
  expect(await decodeErrors(file)).toBe('');
  const noStream = async (): Promise<true | undefined> =>
    (await server.rest('/stream/find_all')).status === 404 ? true : undefined;
  await eventually(noStream, 'all streams ended');
}

test(`${CONNECTIONS} malformed connections end nothing, leak nothing and do not disturb a recording`, async () => {
  server = await TestServer.start({ stream_record_policy: 'streamName', log_level: 'info' });
  // Compared with a server that has done the same work before: what is more then is what leaked.
  await attackDuring('first', CONNECTIONS, 1);
  const before = { rss: residentKiB(server.pid), fds: descriptors(server.pid) };
  await attackDuring('second', CONNECTIONS, 2);
  await eventually(
    () => (descriptors(server.pid) <= before.fds * 1.1 ? true : undefined),
    'descriptors are back',
  );
  const bound = before.rss * 1.1;
  await eventually(
    () => (residentKiB(server.pid) <= bound ? true : undefined),
    `memory is back to ${before.rss} KiB`,
  );
  // Garbage is summed up, not logged line by line.
  expect(server.logs.length).toBeLessThan(3 * CONNECTIONS);
});
