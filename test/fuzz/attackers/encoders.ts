import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { HANDSHAKE, SESSIONS as RTMP_SESSIONS, mutate } from '../../support/rtmpFuzz.ts';
import { SESSIONS as RTSP_SESSIONS } from '../../support/rtspFuzz.ts';
import { RtpSource, RtspClient } from '../../support/rtspHarness.ts';
import { strike } from '../../support/strike.ts';
import type { Attacker, Strike } from './attacker.ts';
import { noise, pick } from './attacker.ts';

/** Stands in the kept sessions for what the server names; of the same length. */
const SESSION = 'SSSSSSSSSSSSSSSS';

const renamed = (session: Buffer, from: string, to: string): Buffer =>
  Buffer.from(session.toString('latin1').replaceAll(from, to), 'latin1');

/** What an RTMP encoder sends, a few places changed. @param name one byte, so that the lengths around it stay right. */
export const rtmpSession = (next: () => number, name: string): Buffer =>
  Buffer.concat([HANDSHAKE, mutate(renamed(pick(next, RTMP_SESSIONS), 'x?a=b', `${name}?a=b`), next)]);

/** What an RTSP encoder sends, a few places changed; its session has a name that the server did not give. */
export const rtspSession = (next: () => number, name: string): Buffer =>
  mutate(renamed(pick(next, RTSP_SESSIONS), '/live/x', `/live/${name}`), next);

/** Sessions of RTMP encoders, a few places changed; now and then noise. */
export const rtmp: Attacker = {
  door: 'rtmp',
  strike: async ({ server, next, name, from, note }) => {
    const bytes = next() < 0.05 ? noise(next) : rtmpSession(next, name.at(-1)!);
    await strike(server.port('rtmp'), note(bytes), { localAddress: from, reset: next() < 0.3 });
  },
};

/** Sessions of RTSP encoders with interleaved media, a few places changed. */
export const rtsp: Attacker = {
  door: 'rtsp',
  strike: async ({ server, next, name, from, note }) => {
    const bytes = note(next() < 0.05 ? noise(next) : rtspSession(next, name));
    // The server names the session in the answer to ANNOUNCE, and everything behind it uses that name.
    const split = bytes.indexOf('SETUP ');
    const [first, rest] = split < 0 ? [bytes, undefined] : [bytes.subarray(0, split), bytes.subarray(split)];
    const answer = (said: Buffer): Buffer => {
      const id = /\r\nSession: ([0-9a-f]{16})/.exec(said.toString('latin1'))?.[1];
      return id === undefined ? rest! : renamed(rest!, SESSION, id);
    };
    await strike(server.port('rtsp'), first, {
      localAddress: from,
      reset: next() < 0.3,
      silenceMs: 500,
      ...(rest === undefined ? {} : { answer }),
    });
  },
};

function receiverReport(next: () => number): Buffer {
  const bytes = Buffer.alloc(28 + Math.floor(next() * 40), 1);
  bytes.writeUInt32BE(pick(next, [0x80c80006, 0x81c80006, 0x80c90001, 0x81cb0001, 0x80ca0002]), 0);
  bytes.writeUInt32BE(pick(next, [96, 8, 0]), 4);
  return bytes;
}

/** A publisher by UDP whose RTP and RTCP are changed, lost and repeated, while its session stays valid. */
async function sendMedia(client: RtspClient, { next, n, note }: Strike): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined).bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    const { port } = socket.address();
    if ((await client.announce()).status !== 200) return;
    const ports: number[] = [];
    for (const track of [0, 1]) {
      const answer = await client.setup(track, `RTP/AVP;unicast;client_port=${port}-${port + 1};mode=record`);
      const [, media] = /server_port=(\d+)/.exec(answer.headers.get('transport') ?? '') ?? [];
      if (media === undefined) return;
      ports.push(Number(media));
    }
    if ((await client.record()).status !== 200) return;
    const source = new RtpSource();
    for (let i = 0; i < 60; i++) {
      const [picture, sound] = [source.picture(i, { key: i % 4 === 0, bytes: 300 }), source.sound(i + n)];
      for (const [at, packet] of [picture, sound].entries()) {
        if (next() < 0.05) continue;
        const bytes = note(next() < 0.3 ? mutate(packet, next) : packet);
        socket.send(bytes, ports[at], '127.0.0.1');
        if (next() < 0.1) socket.send(note(mutate(receiverReport(next), next)), ports[at]! + 1, '127.0.0.1');
      }
    }
    await client.ask('TEARDOWN');
  } finally {
    socket.close();
  }
}

/** RTP and RTCP by UDP under a valid RTSP session. */
export const rtp: Attacker = {
  door: 'rtp',
  strike: async (given) => {
    const client = await RtspClient.open(given.server.port('rtsp'), `${given.name}-rtp`);
    try {
      await sendMedia(client, given);
    } finally {
      client.end();
    }
  },
};
