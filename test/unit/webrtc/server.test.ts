import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RecorderdError } from '../../../src/domain/errors.ts';
import type { LocalTransport } from '../../../src/ingest/webrtc/offer.ts';
import type { TransportFactory, TransportState } from '../../../src/ingest/webrtc/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { Setup, captured } from './support.ts';

const av = captured('chromium-av');
const setups: Setup[] = [];

async function started(...args: ConstructorParameters<typeof Setup>): Promise<Setup> {
  const setup = new Setup(...args);
  setups.push(setup);
  return await setup.start();
}

afterEach(async () => {
  for (const setup of setups.splice(0)) await setup.server.close();
});

/** Stands for a transport that needs no network. */
const LOCAL: LocalTransport = {
  ice: { ufrag: 'abcd', password: 'a'.repeat(22) },
  fingerprint: { hash: 'sha-256', value: 'AA' },
  candidates: [],
};

/** A server whose publication gets its packets from the test. */
async function fed(offer: string) {
  let receive: (packet: Buffer) => void = () => undefined;
  let tell: (state: TransportState) => void = () => undefined;
  const transports: TransportFactory = {
    start: () => Promise.resolve(1),
    create: () => ({
      answer: () => Promise.resolve(LOCAL),
      onPacket: (handler) => (receive = handler),
      onState: (handler) => (tell = handler),
      sendRtcp: () => true,
      close: () => Promise.resolve(),
    }),
    close: () => Promise.resolve(),
  };
  const setup = await started({}, { transports });
  const publication = await setup.publish(offer);
  return { setup, publication, receive, connect: () => tell('connected') };
}

/** The packet of Opus that begins `n` times 20 ms after the first. */
function opus(offer: string, n: number): Buffer {
  const head = Buffer.from([0x80, 0x80 | 111, 0, n, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(n * 960, 4);
  head.writeUInt32BE(Number(/m=audio[^]*?a=ssrc:(\d+)/.exec(offer)?.[1]), 8);
  return Buffer.concat([head, Buffer.from([0x78, 1, 2, 3])]);
}

function candidates(answer: string): string[] {
  return [
    ...new Set([...answer.matchAll(/a=candidate:\S+ 1 udp \d+ (\S+ \d+) typ host/g)].map((m) => m[1] ?? '')),
  ];
}

describe('a publication', () => {
  it('is listed as pending with the kinds that will come', async () => {
    const setup = await started();
    const publication = await setup.publish(av, { name: 'a', record: true, custom: { k: 'v' } });
    const stream = setup.streams.byName('a');
    expect(stream).toBe(publication.stream);
    expect(stream).toMatchObject({
      status: 'PENDING',
      expected: { audio: true, video: true },
      init: { record: true, custom: { k: 'v' } },
    });
    const alone = await setup.publish(captured('chromium-audio'));
    expect(alone.stream.expected).toEqual({ audio: true, video: false });
  });

  it('has delivered all that was received when its server drains', async () => {
    const { setup, receive } = await fed(av);
    // Its sender report has not come yet.
    receive(opus(av, 0));
    expect(setup.items).toEqual([]);
    setup.server.drain();
    expect(setup.items.filter((item) => 'sample' in item)).toHaveLength(1);
  });

  it('takes what arrived while the server was held up as if it had come in time', async () => {
    const offer = captured('chromium-audio');
    const { setup, receive } = await fed(offer);
    for (let n = 0; n < 5; n++) {
      receive(opus(offer, n));
      await setTimeout(20);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    // Late by the server's own fault: the sender's clock has not stood still meanwhile.
    receive(opus(offer, 5));
    setup.server.drain();
    const times = setup.items.flatMap((item) => ('sample' in item ? [item.sample.dts / 1000] : []));
    expect(times).toEqual([0, 20, 40, 60, 80, 100]);
  });

  it('ends when what was sent before has come, however slowly', async () => {
    const { setup, receive, publication, connect } = await fed(captured('chromium-audio'));
    const offer = captured('chromium-audio');
    connect();
    receive(opus(offer, 0));
    publication.end('Stopped by user');
    for (let n = 1; n <= 3; n++) {
      await setTimeout(40);
      receive(opus(offer, n));
    }
    await eventually(() => setup.events.find((event) => event.startsWith('ended')), 'the end');
    expect(setup.items.filter((item) => 'sample' in item)).toHaveLength(4);
  });

  it('ends once, and its name is free then', async () => {
    const setup = await started();
    const publication = await setup.publish(av, { name: 'a' });
    publication.end('Stopped by user');
    publication.end('again');
    await eventually(() => (setup.events.length > 0 ? true : undefined), 'the end');
    expect(setup.events).toEqual(['stream ended', 'ended: Stopped by user']);
    expect(setup.streams.all()).toEqual([]);
    await setup.publish(av, { name: 'a' });
  });

  it('fails when ICE does not begin in time', async () => {
    const setup = await started({ publishTimeoutMs: 200 });
    await setup.publish(av);
    await eventually(() => setup.events.find((event) => event.startsWith('ended')), 'the end');
    expect(setup.events).toEqual(['stream ended', 'ended: Failed by ICE timeout']);
    expect(setup.log.find('webrtc stream ended')).toMatchObject({ reason: 'Failed by ICE timeout' });
  });
});

describe('what is refused leaves nothing behind', () => {
  it('a name or a session in use', async () => {
    const setup = await started();
    await setup.publish(av, { name: 'a', mediaSessionId: 'm' });
    await expect(setup.publish(av, { name: 'a' })).rejects.toMatchObject({ code: 'STREAM_NAME_IN_USE' });
    await expect(setup.publish(av, { mediaSessionId: 'm' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(setup.streams.all()).toHaveLength(1);
  });

  it('one publisher too many', async () => {
    const setup = await started({ maxPublishers: 1 });
    const first = await setup.publish(av);
    await expect(setup.publish(av)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    first.end('Stopped by user');
    await setup.publish(av);
  });

  it('an offer that is none', async () => {
    const setup = await started();
    await expect(setup.publish('v=0')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(setup.streams.all()).toEqual([]);
  });

  it('a publisher after the last port of the range', async () => {
    const setup = await started({ portRange: { from: 39_300, to: 39_301 }, bindAddress: '127.0.0.1' });
    const first = await setup.publish(av);
    await setup.publish(av);
    await expect(setup.publish(av, { name: 'c' })).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(setup.streams.byName('c')).toBeUndefined();
    first.end('Stopped by user');
    const again = await eventually(
      () => setup.publish(av, { name: 'c' }).catch(() => undefined),
      'a free port',
    );
    expect(candidates(again.answer)).toHaveLength(1);
  });

  it('a publisher whose transport fails', async () => {
    const transports: TransportFactory = {
      start: () => Promise.resolve(1),
      create: () => ({
        answer: () => Promise.reject(new Error('broken')),
        onPacket: () => undefined,
        onState: () => undefined,
        sendRtcp: () => false,
        close: () => Promise.resolve(),
      }),
      close: () => Promise.resolve(),
    };
    const setup = await started({}, { transports });
    await expect(setup.publish(av)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(setup.streams.all()).toEqual([]);
    expect(setup.events).toEqual(['stream ended']);
  });

  it('anybody before the start and while draining', async () => {
    const setup = new Setup();
    await expect(setup.publish(av)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const draining = await started();
    await draining.publish(av);
    draining.server.drain();
    await expect(draining.publish(av)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(draining.events).toEqual([]);
  });
});

describe('addresses', () => {
  it('are those of the machine and loopback, all on one port', async () => {
    const setup = await started();
    const { answer } = await setup.publish(av);
    const other = await setup.publish(av);
    expect(candidates(answer)).toContain(`127.0.0.1 ${setup.port}`);
    expect(candidates(answer).every((each) => each.endsWith(` ${setup.port}`))).toBe(true);
    expect(candidates(other.answer)).toEqual(candidates(answer));
  });

  it.each(['127.0.0.1', '::1'])('are one interface: %s', async (bindAddress) => {
    const setup = await started({ bindAddress });
    expect(candidates((await setup.publish(av)).answer)).toEqual([`${bindAddress} ${setup.port}`]);
  });

  it('are the public one alone where it is set', async () => {
    const setup = await started({ publicAddress: '203.0.113.7' });
    expect(candidates((await setup.publish(av)).answer)).toEqual([`203.0.113.7 ${setup.port}`]);
  });

  it('keep the port while nobody publishes, and free it at the end', async () => {
    const setup = await started({ bindAddress: '127.0.0.1' });
    const other = new Setup({ bindAddress: '127.0.0.1', port: setup.port });
    await expect(other.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    (await setup.publish(av)).end('Stopped by user');
    await setup.server.close();
    const port = await eventually(() => other.start().catch(() => undefined), 'the free port', 5_000);
    setups.push(other);
    expect(port.port).toBe(setup.port);
  });
});

it('says once that TCP is answered over UDP', async () => {
  const setup = await started();
  await setup.publish(av, { transport: 'TCP' });
  const { answer } = await setup.publish(av, { transport: 'TCP' });
  expect(setup.log.lines.filter(({ message }) => message.includes('TCP'))).toHaveLength(1);
  expect(answer).not.toMatch(/ tcp /i);
});

it('ends every stream when it closes', async () => {
  const setup = await started();
  await setup.publish(av);
  await setup.publish(av);
  await setup.server.close();
  expect(setup.events.filter((event) => event.startsWith('ended'))).toEqual([
    'ended: Requested stream shutdown',
    'ended: Requested stream shutdown',
  ]);
  expect(setup.streams.all()).toEqual([]);
});

describe('offers with numbers that are none', () => {
  const all = (pattern: RegExp, text: string): string => av.replaceAll(pattern, text);

  it.each([
    ['no clock rate', all(/(a=rtpmap:\d+ [\w-]+)\/\d+/g, '$1/')],
    ['no clock rate and no slash', all(/(a=rtpmap:\d+ [\w-]+)\/\d+(?:\/2)?/g, '$1')],
    ['a clock rate of 0', all(/(a=rtpmap:\d+ [\w-]+)\/\d+/g, '$1/0')],
    ['clock rates that begin with 0', all(/(a=rtpmap:\d+ [\w-]+)\/(\d+)/g, '$1/0$2')],
  ])('have nothing in common with the server: %s', async (_, offer) => {
    const setup = await started();
    await expect(setup.publish(offer)).rejects.toMatchObject({ code: 'NO_COMMON_CODECS' });
    expect(setup.streams.all()).toEqual([]);
  });

  it.each([
    ['formats', /a=rtpmap:\d+ /g, 'a=rtpmap: '],
    ['parameters', /a=fmtp:\d+ /g, 'a=fmtp: '],
    ['feedback', /a=rtcp-fb:\d+ /g, 'a=rtcp-fb: '],
    ['header extensions', /a=extmap:\d+ /g, 'a=extmap: '],
    ['sources', /a=ssrc:\d+ /g, 'a=ssrc: '],
    ['channels', /\/48000\/2/g, '/48000/'],
    ['clock rates of retransmissions', /(a=rtpmap:\d+ rtx)\/90000/g, '$1/'],
  ])('are answered as far as they can be read, or refused: %s', async (_, pattern, text) => {
    const setup = await started();
    const outcome = await setup.publish(all(pattern, text)).then(
      () => 'answered',
      (error: unknown) => (error instanceof RecorderdError ? error.code : error),
    );
    expect(['answered', 'NO_COMMON_CODECS']).toContain(outcome);
  });
});
