import { mutate } from '../../support/rtmpFuzz.ts';
import { strike } from '../../support/strike.ts';
import type { Attacker } from './attacker.ts';
import { pick } from './attacker.ts';

/** Every path with a body that fits. Pulls come from a port of this machine that nothing listens on. */
const CALLS: readonly (readonly [path: string, body: unknown])[] = [
  ['/stream/find_all', {}],
  ['/stream/find', { name: 'x', published: true, status: 'PUBLISHING' }],
  ['/stream/snapshot', { streamName: 'x' }],
  ['/stream/terminate', { mediaSessionId: 'x' }],
  ['/stream/startRecording', { mediaSessionId: 'x', fileName: 'a{b}', force: 'true' }],
  ['/stream/stopRecording', { mediaSessionId: 'x' }],
  ['/recorder/startup', { mediaSessionId: 'x', config: { fileTemplate: '{streamName}', rotation: '20s' } }],
  ['/recorder/terminate', { mediaSessionId: 'x' }],
  ['/recorder/find_all', {}],
  ['/hooks/find_all', {}],
  ['/hooks/run', { id: 'x' }],
  ['/connection/find_all', {}],
  ['/connection/find', { sessionId: '/127.0.0.1:1/127.0.0.1:2', appKey: 'defaultApp' }],
  ['/connection/terminate', { sessionId: '/127.0.0.1:1/127.0.0.1:2' }],
  ['/rtsp/find_all', {}],
  ['/rtsp/terminate', { uri: 'rtsp://127.0.0.1:9/x' }],
  ['/pull/rtmp/find_all', {}],
  ['/pull/rtmp/terminate', { uri: 'rtmp://127.0.0.1:9/live/x' }],
];
const OTHERS = [
  'GET /client/records/%2e%2e/x.mp4 HTTP/1.1\r\nHost: x\r\nRange: bytes=0-,5-\r\n\r\n',
  'GET /demo HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
  'OPTIONS /rest-api/stream/find HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n',
  'POST /rest-api/stream/find HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
];

function request(path: string, body: string): Buffer {
  const head = `POST /rest-api${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
}

/** A call whose body is changed under a right head, or a request that is changed as a whole. */
export function changedRequest(next: () => number): Buffer {
  const [path, fields] = pick(next, CALLS);
  const body = JSON.stringify(fields);
  if (next() < 0.5) return request(path, mutate(Buffer.from(body), next).toString('latin1'));
  return mutate(next() < 0.3 ? Buffer.from(pick(next, OTHERS)) : request(path, body), next);
}

/** REST, pages and records: the body changed under a right head, or the request as a whole. */
export const rest: Attacker = {
  door: 'rest',
  strike: async ({ server, next, from, note }) => {
    await strike(server.port('http'), note(changedRequest(next)), {
      localAddress: from,
      reset: next() < 0.2,
    });
  },
};

/** Records what other attackers publish at this moment: changed media reaches FFmpeg and the finisher. */
export const recorder: Attacker = {
  door: 'recorder',
  strike: async ({ server, next, note }) => {
    const found = await server.rest('/stream/find_all');
    if (found.status !== 200) return;
    const streams = found.json as { name: string; mediaSessionId: string }[];
    const preys = streams.filter(({ name }) => !name.startsWith('canary'));
    if (preys.length === 0) return;
    const { mediaSessionId } = pick(next, preys);
    note(Buffer.from(mediaSessionId));
    if ((await server.rest('/recorder/startup', { mediaSessionId })).status !== 200) return;
    const end = pick(next, ['/recorder/terminate', '/stream/terminate', undefined, undefined]);
    if (end !== undefined) await server.rest(end, { mediaSessionId });
  },
};
