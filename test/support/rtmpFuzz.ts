import { Connections } from '../../src/streams/connections.ts';
import { Streams } from '../../src/streams/streams.ts';
import { Session } from '../../src/ingest/rtmp/session.ts';
import {
  aacFrame,
  aacHeader,
  amf,
  avcFrame,
  avcHeader,
  command,
  message,
  setChunkSize,
} from './rtmpBytes.ts';
import { RTMP_OPTIONS, memoryLog } from './rtmpHarness.ts';

/** A handshake that is the same in every run: C0, a C1 of zeros, a C2 of zeros. */
export const HANDSHAKE = Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]);

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const opening = (app: string): Buffer[] => [
  command(0, 'connect', 1, { app, tcUrl: `rtmp://h/${app}`, fourCcList: ['hvc1'] }, { login: 'me' }),
  command(0, 'releaseStream', 2, null, 'x'),
  command(0, 'FCPublish', 3, null, 'x'),
  command(0, 'createStream', 4, null),
  command(1, 'publish', 5, null, 'x?a=b', 'live'),
];
const closing = [command(0, 'FCUnpublish', 6, null, 'x'), command(0, 'deleteStream', 7, null, 1)];
const at = (csid: number, time: number, chunkBytes = 128) => ({ csid, streamId: 1, time, chunkBytes });
const frame = (bytes: number, key = false): Buffer => avcFrame(Buffer.alloc(bytes, 0x65), { key });

/** Valid sessions after the handshake, as different encoders send them. */
export const SESSIONS: readonly Buffer[] = [
  [
    ...opening('live?user=me'),
    setChunkSize(4096),
    message(
      18,
      amf('@setDataFrame', 'onMetaData', { videocodecid: 7, audiocodecid: 10, list: [1, { a: null }] }),
      at(5, 0),
    ),
    message(9, avcHeader(), at(6, 0, 4096)),
    message(8, aacHeader(), at(4, 0, 4096)),
    message(9, frame(5000, true), at(6, 0, 4096)),
    message(8, aacFrame(Buffer.alloc(300)), at(4, 21, 4096)),
    message(9, frame(900), { ...at(6, 40, 4096), format: 1 }),
    message(4, Buffer.from('000600000001', 'hex'), { csid: 2 }),
    message(5, Buffer.from('00000400', 'hex'), { csid: 2 }),
    ...closing,
  ],
  [
    ...opening('live'),
    message(9, avcHeader(), at(400, 0xfffff0)),
    message(9, frame(400, true), at(400, 0xffffff)),
    message(9, frame(400), { ...at(400, 0x1000010), bareType3: true }),
    message(2, Buffer.from('00000190', 'hex'), { csid: 2 }),
    message(22, Buffer.concat([tag(9, avcHeader()), tag(9, frame(50)), tag(8, aacHeader())]), at(7, 5)),
    message(8, Buffer.from('2ffffb946400', 'hex'), at(4, 7)),
    message(8, Buffer.from('72010203', 'hex'), at(4, 9)),
    command(1, 'publish', 0, null, false),
  ],
  [
    ...opening('a/b c'),
    message(9, Buffer.concat([Buffer.of(0x90), Buffer.from('hvc1'), Buffer.alloc(30, 1)]), at(6, 0)),
    message(
      9,
      Buffer.concat([Buffer.from('97020001020193', 'hex'), Buffer.from('hvc1'), Buffer.alloc(60)]),
      at(6, 0),
    ),
    message(
      9,
      Buffer.concat([
        Buffer.from('9613', 'hex'),
        Buffer.from('hvc1'),
        Buffer.from('0000000401020304', 'hex'),
      ]),
      at(6, 40),
    ),
    message(
      9,
      Buffer.concat([Buffer.of(0x91), Buffer.from('vp08'), Buffer.from('1025009d012a4000300000', 'hex')]),
      at(6, 80),
    ),
    message(
      9,
      Buffer.concat([Buffer.of(0x90), Buffer.from('av01'), Buffer.from('81000c000a0a0000', 'hex')]),
      at(6, 80),
    ),
    message(
      9,
      Buffer.concat([Buffer.of(0x91), Buffer.from('av01'), Buffer.from('0a0b00000024c4ffdf00680210', 'hex')]),
      at(6, 99),
    ),
    message(8, Buffer.concat([Buffer.of(0x90), Buffer.from('Opus')]), at(4, 0)),
    message(8, Buffer.concat([Buffer.of(0x91), Buffer.from('Opus'), Buffer.alloc(40)]), at(4, 20)),
    message(17, Buffer.concat([Buffer.of(0), amf('closeStream', 0, null)]), at(8, 0)),
  ],
].map((parts) => Buffer.concat(parts));

function tag(type: number, body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.of(type, 0, body.length >> 8, body.length & 0xff),
    Buffer.alloc(7),
    body,
    Buffer.alloc(4),
  ]);
}

/** Values that parsers trip over. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xc0, 0xff];

/** Changes a few places of `input`. */
export function mutate(input: Buffer, next: () => number): Buffer {
  let bytes = Buffer.from(input);
  const below = (limit: number): number => Math.floor(next() * limit);
  for (let left = 1 + below(4); left > 0; left--) {
    const from = below(bytes.length);
    const until = from + below(Math.min(64, bytes.length - from));
    const kinds = [
      () => void (bytes[from] = below(256)),
      () => void (bytes[from] = EDGES[below(EDGES.length)] ?? 0),
      () => void bytes.fill(below(2) * 0xff, from, Math.min(from + 4, bytes.length)),
      () => void (bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(until)])),
      () => void (bytes = Buffer.concat([bytes.subarray(0, until), bytes.subarray(from)])),
      () => void (bytes = bytes.subarray(0, from + 1)),
    ];
    kinds[below(kinds.length)]?.();
  }
  return bytes;
}

/** What one session did with its input. */
export interface Outcome {
  /** Anything that must not happen, in words; empty when all is well. */
  readonly complaints: readonly string[];
  readonly samples: number;
  readonly isFaulty: boolean;
}

/** Feeds `input`, cut into pieces, to a session of its own and ends the connection. */
export function feed(input: Buffer, next: () => number, withHandshake = true): Outcome {
  const streams = new Streams(1 << 16);
  const connections = new Connections();
  const log = memoryLog();
  let samples = 0;
  streams.events.on('published', (stream) =>
    stream.subscribe({
      onTrack: () => undefined,
      onSample: ({ dts, pts, data }) =>
        (samples += Number.isSafeInteger(dts) && Number.isSafeInteger(pts) && data.length > 0 ? 1 : NaN),
      onEnd: () => undefined,
    }),
  );
  const link = {
    send: () => true,
    setBatched: () => undefined,
    setHeld: () => undefined,
    wake: () => undefined,
    onRead: () => false,
    readArrived: (done: () => void) => done(),
    end: () => undefined,
    destroy: () => undefined,
  };
  const limits = { ...RTMP_OPTIONS, maxMessageBytes: 1 << 20, maxUnfinishedBytes: 1 << 20 };
  const session = new Session(
    { streams, connections, log, isDraining: () => false, moves: () => false },
    limits,
    link,
    '/a/b',
  );
  const complaints: string[] = [];
  try {
    if (withHandshake) session.receive(HANDSHAKE);
    for (let from = 0; from < input.length;) {
      const until = from + 1 + Math.floor(next() * 3000);
      // A copy: the session takes over what it is given and joins chunks in place.
      session.receive(Buffer.from(input.subarray(from, until)));
      from = until;
    }
    session.check(performance.now());
    session.closed();
  } catch (error) {
    complaints.push(`thrown: ${String(error)}`);
  }
  const errors = log.lines.filter((line) => line.level === 'error');
  complaints.push(...errors.map((line) => `${line.message}: ${String(line.fields['err'])}`));
  if (Number.isNaN(samples)) complaints.push('a sample without data or time');
  if (streams.all().length > 0) complaints.push('a stream is left');
  if (connections.all().length > 0) complaints.push('a connection is left');
  return { complaints, samples, isFaulty: session.isFaulty };
}
