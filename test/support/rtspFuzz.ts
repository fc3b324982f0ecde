import { setImmediate } from 'node:timers/promises';
import { MediaPorts } from '../../src/ingest/rtsp/mediaPorts.ts';
import { Session } from '../../src/ingest/rtsp/session.ts';
import { Connections } from '../../src/streams/connections.ts';
import { Streams } from '../../src/streams/streams.ts';
import { memoryLog } from './rtmpHarness.ts';
import type { Outcome } from './rtmpFuzz.ts';
import { H264_FMTP, RTSP_OPTIONS, RtpSource, SDP, frame } from './rtspHarness.ts';

const URL = 'rtsp://h/live/x?a=b';
/** Stands for the session that the server names; of the same length. */
const SESSION = 'SSSSSSSSSSSSSSSS';

function request(method: string, uri = URL, headers: readonly string[] = [], body = ''): Buffer {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return Buffer.from([`${method} ${uri} RTSP/1.0`, 'CSeq: 1', ...headers, ...length, '', body].join('\r\n'));
}

const announce = (sdp = SDP): Buffer => request('ANNOUNCE', URL, ['Content-Type: application/sdp'], sdp);
const inSession = [`Session: ${SESSION};timeout=60`];
const setup = (control: string, transport: string): Buffer =>
  request('SETUP', `${URL}/${control}`, [`Transport: ${transport}`, ...inSession]);
const record = request('RECORD', URL, ['Range: npt=0.000-', ...inSession]);
const teardown = request('TEARDOWN', URL, inSession);
const report = (ssrc: number): Buffer => {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(0x80c80006, 0);
  bytes.writeUInt32BE(ssrc, 4);
  bytes.writeUInt32BE(3_900_000_000, 8);
  return bytes;
};

/** Pictures and sound on the channels 0 to 3. */
function media(pictures: number): Buffer[] {
  const source = new RtpSource();
  return Array.from({ length: pictures }, (_, i) => [
    frame(0, source.picture(i, { key: i % 4 === 0, bytes: 300 })),
    frame(2, source.sound(2 * i)),
    frame(2, source.sound(2 * i + 1)),
    ...(i === 1 ? [frame(1, report(96)), frame(3, report(8))] : []),
  ]).flat();
}

const MANY = [
  ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=', 't=0 0', 'a=control:*', 'm=video 0 RTP/AVP 33 96'],
  ...['a=rtpmap:96 H264/90000', `a=fmtp:96 ${H264_FMTP}`, 'a=control:v', 'm=audio 0 RTP/AVP 97'],
  ...['a=rtpmap:97 mpeg4-generic/44100/2', 'a=control:a'],
  ...[
    'a=fmtp:97 mode=AAC-hbr;config=1210;sizelength=13;indexlength=3;indexdeltalength=3',
    'm=audio 0 RTP/AVP 98',
  ],
  ...[
    'a=rtpmap:98 MP4A-LATM/48000',
    'a=fmtp:98 cpresent=0;config=400023203fc0',
    'm=application 0 RTP/AVP 99',
    '',
  ],
].join('\n');

/** Valid sessions, as different encoders send them. `SSSSSSSSSSSSSSSS` stands for the server's session. */
export const SESSIONS: readonly Buffer[] = [
  [
    request('OPTIONS', '*'),
    announce(),
    setup('streamid=0', 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record'),
    setup('streamid=1', 'RTP/AVP/TCP;unicast;interleaved=2-3;mode=record'),
    record,
    ...media(6),
    request('GET_PARAMETER', URL, inSession),
    ...media(6),
    teardown,
  ],
  [
    request('OPTIONS'),
    announce(MANY),
    setup(
      'v',
      'RTP/AVP;unicast;client_port=5000-5001;mode=record,RTP/AVP/TCP;unicast;interleaved=0-1;mode=record',
    ),
    setup('a', 'RTP/AVP/TCP;unicast;mode="RECORD"'),
    record,
    ...media(8),
    Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'),
    request('SET_PARAMETER', URL, inSession, 'a: b\r\n'),
    teardown,
    announce(),
  ],
].map((parts) => Buffer.concat(parts));

/** Feeds `input`, cut into pieces, to a session of its own and ends the connection. */
export async function feed(input: Buffer, next: () => number): Promise<Outcome> {
  const streams = new Streams(1 << 16);
  const connections = new Connections();
  const log = memoryLog();
  let samples = 0;
  let bytes = input;
  const named = new Set<string>();
  streams.events.on('published', (stream) =>
    stream.subscribe({
      onTrack: () => undefined,
      onSample: ({ dts, pts, data }) =>
        (samples += Number.isSafeInteger(dts) && Number.isSafeInteger(pts) && data.length > 0 ? 1 : NaN),
      onEnd: () => undefined,
    }),
  );
  const link = {
    send: (reply: Buffer) => {
      const id = /\r\nSession: ([0-9a-f]{16})/.exec(reply.toString('latin1'))?.[1];
      if (id === undefined) return true;
      named.add(id);
      bytes = Buffer.from(bytes.toString('latin1').replaceAll(SESSION, id), 'latin1');
      return true;
    },
    setBatched: () => undefined,
    setHeld: () => undefined,
    wake: () => undefined,
    onRead: () => false,
    readArrived: (done: () => void) => done(),
    end: () => undefined,
    destroy: () => undefined,
  };
  const client = { address: '127.0.0.1', localAddress: '127.0.0.1', sessionId: '/a/b' };
  const ports = new MediaPorts({ receiveBufferBytes: 65_536 });
  const deps = {
    streams,
    connections,
    log,
    client,
    ports,
    isDraining: () => false,
    moves: () => false,
    attend: () => () => undefined,
  };
  const session = new Session(deps, { ...RTSP_OPTIONS, acceptsUdp: false }, link);
  const complaints: string[] = [];
  try {
    for (let from = 0; from < bytes.length;) {
      // Small until the server has named the session, or the requests that name it would be read already.
      const until = from + 1 + Math.floor(next() * (named.size > 0 ? 1500 : 80));
      session.receive(Buffer.from(bytes.subarray(from, until)));
      // SETUP is answered in a later turn.
      await setImmediate();
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
