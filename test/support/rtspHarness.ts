import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { RtspServer } from '../../src/ingest/rtsp/server.ts';
import type { RtspOptions } from '../../src/ingest/rtsp/server.ts';
import { Connections } from '../../src/streams/connections.ts';
import { Streams } from '../../src/streams/streams.ts';
import type { StreamsRules } from '../../src/streams/streams.ts';
import { eventually } from './eventually.ts';
import { memoryLog } from './rtmpHarness.ts';
import type { LoggedLine, Taken } from './rtmpHarness.ts';

/** Limits for tests: roomy, and short only where a test makes them so. */
export const RTSP_OPTIONS: RtspOptions = {
  publisherTimeoutMs: 10_000,
  requestTimeoutMs: 5_000,
  publishTimeoutMs: 10_000,
  maxConnections: 100,
  maxConnectionsPerAddress: 100,
  maxHeaderBytes: 4096,
  maxBodyBytes: 8192,
  maxTracks: 4,
  maxFrameBytes: 1 << 20,
  maxReplyBacklogBytes: 64 << 10,
  receiveBufferBytes: 1 << 20,
  lossWaitMs: 50,
  syncWaitMs: 0,
};

/** Codec parameters of a 640x360 picture. */
export const H264_FMTP =
  'packetization-mode=1; sprop-parameter-sets=Z2QAHqzZQKAv+XARAAADAAEAAAMAMg8WLZY=,aOvjyyLA';
/** Two tracks, as ffmpeg announces them. */
export const SDP = [
  ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=No Name', 'c=IN IP4 127.0.0.1', 't=0 0'],
  ...['m=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000', `a=fmtp:96 ${H264_FMTP}`, 'a=control:streamid=0'],
  ...['m=audio 0 RTP/AVP 8', 'a=control:streamid=1', ''],
].join('\r\n');

/** A started RtspServer that keeps all that is published on it. */
export class RtspHarness {
  readonly streams: Streams;
  readonly connections: Connections;
  readonly log = memoryLog();
  readonly taken: Taken[] = [];
  readonly server: RtspServer;
  port = 0;

  private constructor(options: Partial<RtspOptions>, rules: StreamsRules = {}) {
    this.streams = new Streams(1 << 20, rules);
    this.connections = new Connections(rules.secrets);
    this.server = new RtspServer(this, { ...RTSP_OPTIONS, ...options });
    this.streams.events.on('published', (stream) => {
      const taken: Taken = { stream, tracks: [], samples: [], flushes: [], ends: 0 };
      this.taken.push(taken);
      stream.subscribe({
        onTrack: (track) => taken.tracks.push(track),
        onSample: (sample) => taken.samples.push(sample),
        onEnd: () => (taken.ends += 1),
      });
    });
  }

  static async start(options: Partial<RtspOptions> = {}, rules: StreamsRules = {}): Promise<RtspHarness> {
    const harness = new RtspHarness(options, rules);
    harness.port = await harness.server.listen(0, '127.0.0.1');
    return harness;
  }

  /** What the newest stream of this name delivered. */
  of(name: string): Taken {
    const taken = this.taken.findLast((each) => each.stream.name === name);
    if (taken === undefined) throw new Error(`${name} was not published`);
    return taken;
  }

  async ended(name: string): Promise<Taken> {
    return eventually(() => (this.of(name).ends > 0 ? this.of(name) : undefined), `${name} ended`);
  }

  /** Waits until a stream has delivered `count` samples. */
  async sampled(name: string, count: number): Promise<Taken> {
    return eventually(
      () => (this.of(name).samples.length >= count ? this.of(name) : undefined),
      `${count} samples of ${name}`,
    );
  }

  logged(message: string): LoggedLine[] {
    return this.log.lines.filter((line) => line.message === message);
  }
}

/** An answer of the server. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** A bare RTSP client that shows what the server says. */
export class RtspClient {
  readonly socket: Socket;
  readonly answers: Answer[] = [];
  /** Interleaved frames of the server. */
  readonly frames: { readonly channel: number; readonly data: Buffer }[] = [];
  readonly url: string;
  session = '';
  isClosed = false;
  #bytes: Buffer = Buffer.alloc(0);
  #cseq = 0;

  private constructor(socket: Socket, url: string) {
    this.socket = socket;
    this.url = url;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#read());
    });
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isClosed = true));
  }

  static async open(port: number, name = 'cam'): Promise<RtspClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RtspClient(socket, `rtsp://127.0.0.1:${port}/live/${name}`);
  }

  /** A client that publishes both tracks of `SDP` on the channels 0 to 3. */
  static async publishing(port: number, name = 'cam'): Promise<RtspClient> {
    const client = await RtspClient.open(port, name);
    for (const answer of [await client.announce(), ...(await client.setupAll()), await client.record()])
      if (answer.status !== 200) throw new Error(`refused: ${answer.status} ${answer.reason}`);
    return client;
  }

  /** Sends a request and waits for its answer. */
  async ask(
    method: string,
    options: {
      readonly uri?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    } = {},
  ): Promise<Answer> {
    const place = this.answers.length;
    this.send(this.request(method, options));
    return this.answer(place);
  }

  /** The bytes of a request. */
  request(
    method: string,
    {
      uri = this.url,
      headers = {},
      body = '',
    }: { readonly uri?: string; readonly headers?: object; readonly body?: string } = {},
  ): Buffer {
    const lines = [`${method} ${uri} RTSP/1.0`, `CSeq: ${++this.#cseq}`];
    if (this.session !== '' && !('Session' in headers)) lines.push(`Session: ${this.session}`);
    for (const [name, value] of Object.entries(headers)) if (value !== '') lines.push(`${name}: ${value}`);
    if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  announce(sdp = SDP): Promise<Answer> {
    return this.ask('ANNOUNCE', { headers: { 'Content-Type': 'application/sdp' }, body: sdp });
  }

  async setup(track: number, transport: string): Promise<Answer> {
    const uri = `${this.url}/streamid=${track}`;
    const answer = await this.ask('SETUP', { uri, headers: { Transport: transport } });
    this.session = answer.headers.get('session')?.split(';')[0] ?? this.session;
    return answer;
  }

  async setupAll(): Promise<Answer[]> {
    const transport = (track: number): string =>
      `RTP/AVP/TCP;unicast;interleaved=${track * 2}-${track * 2 + 1};mode=record`;
    return [await this.setup(0, transport(0)), await this.setup(1, transport(1))];
  }

  record(): Promise<Answer> {
    return this.ask('RECORD', { headers: { Range: 'npt=0.000-' } });
  }

  send(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Waits for the answer at a place. */
  async answer(place: number): Promise<Answer> {
    return eventually(() => {
      const answer = this.answers[place];
      if (answer === undefined && this.isClosed) throw new Error('closed without an answer');
      return answer;
    }, `answer ${place}`);
  }

  async closed(): Promise<void> {
    await eventually(() => (this.isClosed ? true : undefined), 'connection is closed');
  }

  end(): void {
    this.socket.destroy();
  }

  #read(): boolean {
    const bytes = this.#bytes;
    if (bytes[0] === 0x24) {
      const end = bytes.length < 4 ? Infinity : 4 + bytes.readUInt16BE(2);
      if (end > bytes.length) return false;
      this.frames.push({ channel: bytes[1]!, data: bytes.subarray(4, end) });
      this.#bytes = bytes.subarray(end);
      return true;
    }
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [start = '', ...fields] = bytes.toString('utf8', 0, end).split('\r\n');
    const [, status, reason = ''] = /^RTSP\/1\.0 (\d{3}) (.*)$/.exec(start) ?? [];
    const headers = new Map(
      fields.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    this.answers.push({ status: Number(status), reason, headers });
    this.#bytes = bytes.subarray(end + 4);
    return true;
  }
}

/** An interleaved frame. */
export function frame(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x24, channel, data.length >> 8, data.length & 255]), data]);
}

/** RTP of the tracks of `SDP`: a picture a packet, 20 ms of sound a packet. */
export class RtpSource {
  readonly #sequences = new Map<number, number>();

  picture(index: number, options: { readonly key?: boolean; readonly bytes?: number } = {}): Buffer {
    const body = Buffer.alloc(options.bytes ?? 100, index);
    body[0] = options.key === true ? 0x65 : 0x41;
    body[1] = 0x88;
    return this.#packet(96, index * 3600, body);
  }

  sound(index: number): Buffer {
    return this.#packet(8, index * 160, Buffer.alloc(160, index));
  }

  #packet(payloadType: number, timestamp: number, payload: Buffer): Buffer {
    const head = Buffer.alloc(12);
    head[0] = 0x80;
    head[1] = 0x80 | payloadType;
    const sequence = this.#sequences.get(payloadType) ?? 0;
    this.#sequences.set(payloadType, sequence + 1);
    head.writeUInt16BE(sequence & 0xffff, 2);
    head.writeUInt32BE(timestamp, 4);
    head.writeUInt32BE(payloadType, 8);
    return Buffer.concat([head, payload]);
  }
}
