import { ProtocolError } from './protocol.ts';

/** Bounds of what one connection may make the server hold. */
export interface ChunkLimits {
  /** Longest message, bytes. */
  readonly maxMessageBytes: number;
  /** All messages that have begun and not ended, bytes. */
  readonly maxUnfinishedBytes: number;
  /** Different chunk stream ids. */
  readonly maxChunkStreams: number;
}

/** What a chunk stream remembers from chunk to chunk (RTMP 1.0, 5.3.1). */
export interface ChunkStream {
  readonly id: number;
  /** Message time in milliseconds, unsigned 32 bit. */
  timestamp: number;
  /** Last timestamp or delta sent, which a type 3 chunk adds to begin a message and may repeat when extended. */
  timeField: number;
  extended: boolean;
  length: number;
  type: number;
  streamId: number;
  /** Payload bytes of the unfinished message. */
  received: number;
  buffer: Buffer | undefined;
}

const PROTOCOL_CONTROL_ID = 2;
const EXTENDED = 0xffffff;

/** The chunk streams of one connection and the messages under way in them. */
export class ChunkStreams {
  readonly #limits: ChunkLimits;
  readonly #byId = new Map<number, ChunkStream>();
  #unfinishedBytes = 0;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  /**
   * The chunk stream `id`, which only a header of type 0 may begin. Encoders built on librtmp begin the protocol
   * control stream with type 1, which is accepted.
   * @throws ProtocolError for any other beginning, or too many chunk streams.
   */
  find(id: number, format: number): ChunkStream {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    if (format !== 0 && !(format === 1 && id === PROTOCOL_CONTROL_ID)) {
      throw new ProtocolError(`chunk stream ${id} begins with a type ${format} header`);
    }
    if (this.#byId.size >= this.#limits.maxChunkStreams) {
      throw new ProtocolError(`more than ${this.#limits.maxChunkStreams} chunk streams`);
    }
    const stream: ChunkStream = {
      id,
      timestamp: 0,
      timeField: 0,
      extended: false,
      length: 0,
      type: 0,
      streamId: 0,
      received: 0,
      buffer: undefined,
    };
    this.#byId.set(id, stream);
    return stream;
  }

  /**
   * Applies the type 0, 1 or 2 message header at `at` (RTMP 1.0, 5.3.1.2) with its extended timestamp. A message
   * that was not finished on this chunk stream is given up.
   * @throws ProtocolError when the message is too long.
   */
  startMessage(stream: ChunkStream, format: number, bytes: Buffer, at: number): void {
    this.release(stream);
    const field = bytes.readUIntBE(at, 3);
    const headerBytes = format === 0 ? 11 : format === 1 ? 7 : 3;
    stream.extended = field === EXTENDED;
    stream.timeField = stream.extended ? bytes.readUInt32BE(at + headerBytes) : field;
    stream.timestamp = format === 0 ? stream.timeField : (stream.timestamp + stream.timeField) >>> 0;
    if (format === 2) return;
    stream.length = bytes.readUIntBE(at + 3, 3);
    stream.type = bytes.readUInt8(at + 6);
    if (format === 0) stream.streamId = bytes.readUInt32LE(at + 7);
    if (stream.length > this.#limits.maxMessageBytes) {
      throw new ProtocolError(`message of ${stream.length} bytes; at most ${this.#limits.maxMessageBytes}`);
    }
  }

  /** The buffer that collects the unfinished message. @throws ProtocolError when too much is unfinished. */
  bufferOf(stream: ChunkStream): Buffer {
    if (stream.buffer === undefined) {
      this.#unfinishedBytes += stream.length;
      if (this.#unfinishedBytes > this.#limits.maxUnfinishedBytes) {
        throw new ProtocolError(`more than ${this.#limits.maxUnfinishedBytes} bytes of unfinished messages`);
      }
      stream.buffer = Buffer.allocUnsafe(stream.length);
    }
    return stream.buffer;
  }

  /** Forgets the message under way, finished or not. */
  release(stream: ChunkStream): void {
    if (stream.buffer !== undefined) this.#unfinishedBytes -= stream.length;
    stream.buffer = undefined;
    stream.received = 0;
  }

  /** Obeys an Abort message (RTMP 1.0, 5.4.2). */
  abort(id: number): void {
    const stream = this.#byId.get(id);
    if (stream !== undefined) this.release(stream);
  }
}
