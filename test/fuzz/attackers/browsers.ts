import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { mutate } from '../../support/rtmpFuzz.ts';
import { strike } from '../../support/strike.ts';
import { datagram, nomination } from '../../support/webrtc/datagrams.ts';
import type { Attacker, Strike } from './attacker.ts';
import { pick } from './attacker.ts';

/** Offers of Chromium, as its tests keep them. */
const OFFER_FOLDER = join(import.meta.dirname, '../../unit/webrtc/offers');
const OFFERS = readdirSync(OFFER_FOLDER).map((name) => readFileSync(join(OFFER_FOLDER, name), 'utf8'));
/** Of a WebSocket's first request; the key is the one of RFC 6455, 1.2. */
const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** An offer as it is, or with a few places changed. */
const offer = (next: () => number): string =>
  next() < 0.3 ? pick(next, OFFERS) : mutate(Buffer.from(pick(next, OFFERS)), next).toString('latin1');

/** What a Web SDK says in one session. */
function conversation(next: () => number, name: string): string[] {
  const mediaSessionId = `m-${Math.floor(next() * 1e9)}`;
  const messages = [
    [
      'connection',
      { appKey: 'defaultApp', mediaProviders: ['WebRTC'], clientVersion: '2.0', custom: { a: 1 } },
    ],
    ['publishStream', { mediaSessionId, name, sdp: offer(next), record: next() < 0.1, custom: {} }],
    ['sendStreamEvent', { mediaSessionId, type: pick(next, ['audioMuted', 'videoUnmuted']) }],
    ['availableStream', { mediaSessionId: `${mediaSessionId}-a`, name }],
    ['playStream', { mediaSessionId: `${mediaSessionId}-p`, name, custom: { b: '2' } }],
    ['snapshot', { mediaSessionId: `${mediaSessionId}-s`, name }],
    ['sendData', { operationId: 'o', payload: { list: [1, [2, [3]]] } }],
    ['stopStream', { mediaSessionId: `${mediaSessionId}-p` }],
    ['unPublishStream', { mediaSessionId }],
  ] as const;
  return messages.map(([message, body]) => JSON.stringify({ message, data: [body] }));
}

/** Sends a conversation, one message in three changed, and leaves with or without a close. */
async function converse({ server, next, name, from, note }: Strike): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port('ws')}`, { localAddress: from });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await Promise.race([once(socket, 'open'), closed]);
  for (const [i, message] of conversation(next, name).entries()) {
    const changes = next() < (i === 0 ? 0.1 : 0.33);
    const bytes = note(changes ? mutate(Buffer.from(message), next) : Buffer.from(message));
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes, { binary: next() < 0.02 });
  }
  // The pong says that the server has read what came before it.
  const answered = Promise.race([once(socket, 'pong'), closed]);
  if (socket.readyState === WebSocket.OPEN) socket.ping();
  await answered;
  if (next() < 0.5) socket.close();
  else socket.terminate();
  await closed;
}

/** An upgrade, now and then changed, and WebSocket frames with a few places changed. */
export function changedFrames(next: () => number): Buffer {
  const frames = Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('hello'), 0x88, 0x80, 0, 0, 0, 0]);
  const bytes = next() < 0.2 ? mutate(Buffer.from(UPGRADE), next) : Buffer.from(UPGRADE);
  return Buffer.concat([bytes, mutate(frames, next)]);
}

/** Signalling: messages of the Web SDK; one in ten is frames of random bytes after a valid upgrade. */
export const signalling: Attacker = {
  door: 'ws',
  strike: async (given) => {
    const { server, next, from, note } = given;
    if (next() > 0.1) return converse(given);
    await strike(server.port('ws'), note(changedFrames(next)), { localAddress: from });
  },
};

/** What an answer says of the server's end of the media. */
function endOf(answer: string): { user: string; password: string; port: number } | undefined {
  const [, user] = /a=ice-ufrag:(\S+)/.exec(answer) ?? [];
  const [, password] = /a=ice-pwd:(\S+)/.exec(answer) ?? [];
  const [, port] = /a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/i.exec(answer) ?? [];
  return user && password && port ? { user, password, port: Number(port) } : undefined;
}

/** ICE with the right credentials, then STUN, DTLS, RTP and RTCP that are not right. */
async function sendDatagrams(answer: string, sent: string, { next, n, note }: Strike): Promise<void> {
  const end = endOf(answer);
  if (end === undefined) return;
  const user = `${end.user}:${/a=ice-ufrag:(\S+)/.exec(sent)?.[1] ?? 'x'}`;
  const socket = createSocket('udp4');
  socket.on('error', () => undefined).bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const valid = nomination(user, end.password);
  const inputs = Array.from({ length: 40 }, (_, i) =>
    i % 8 === 0 ? valid : next() < 0.5 ? mutate(valid, next) : mutate(datagram(n + i), next),
  );
  for (const input of inputs)
    await new Promise((done) => socket.send(note(input), end.port, '127.0.0.1', done));
  socket.close();
}

/** WHIP with changed offers; where one is answered, the media's port is struck with the session's credentials. */
export const whip: Attacker = {
  door: 'whip',
  strike: async (given) => {
    const { server, next, name, note } = given;
    const base = `http://127.0.0.1:${server.port('http')}`;
    const sdp = offer(next);
    const body = note(Buffer.from(sdp));
    const headers = { 'content-type': 'application/sdp' };
    const url = `${base}/whip/${name}-whip${next() < 0.1 ? '?record=true' : ''}`;
    const response = await fetch(url, { method: 'POST', headers, body });
    const answer = await response.text();
    if (response.status !== 201) return;
    await sendDatagrams(answer, sdp, given);
    const session = response.headers.get('location');
    if (session !== null && next() < 0.9) await (await fetch(base + session, { method: 'DELETE' })).text();
  },
};

/** STUN of strangers and noise on the port that all publishers share. */
export const media: Attacker = {
  door: 'media',
  strike: async ({ server, next, n, note }) => {
    const socket = createSocket('udp4').on('error', () => undefined);
    for (let i = 0; i < 20; i++) {
      const bytes = note(next() < 0.5 ? datagram(n + i) : mutate(datagram(n + i), next));
      await new Promise((done) => socket.send(bytes, server.port('media'), '127.0.0.1', done));
    }
    socket.close();
  },
};
