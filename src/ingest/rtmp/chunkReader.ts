import { ChunkStreams } from './chunkStreams.ts';
import type { ChunkLimits, ChunkStream } from './chunkStreams.ts';
import { DEFAULT_CHUNK_BYTES, MAX_CHUNK_BYTES, MESSAGE_TYPE, ProtocolError } from './protocol.ts';
import type { MessageSink } from './protocol.ts';

/** Basic header, message header and extended timestamp at their longest. */
const MAX_HEADER_BYTES = 3 + 11 + 4;
/** Message header bytes by chunk type (RTMP 1.0, 5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xffffff;
const NO_BYTES = Buffer.alloc(0);

/**
 * Turns a chunk stream (RTMP 1.0, 5.3) into messages, fed with bytes cut anywhere. A message that lies in one piece of
 * input, its chunks side by side, is handed on as a part of that piece; any other is copied once. Set Chunk Size and
 * Abort are obeyed here, everything else goes to the sink.
 */
export class ChunkReader {
  readonly #sink: MessageSink;
  readonly #streams: ChunkStreams;
  /** Start of a header whose end has not come yet. */
  readonly #head = Buffer.alloc(MAX_HEADER_BYTES);
  #headBytes = 0;
  #chunkBytes = DEFAULT_CHUNK_BYTES;
  /** The chunk whose payload is being read. */
  #current: ChunkStream | undefined;
  #chunkLeft = 0;
  /** The peer does not repeat extended timestamps on type 3 chunks. */
  #leavesOutExtended = false;

  constructor(limits: ChunkLimits, sink: MessageSink) {
    this.#streams = new ChunkStreams(limits);
    this.#sink = sink;
  }

  /**
   * Takes bytes, and takes them over: messages keep references to them, and chunks are joined in place.
   * @throws ProtocolError when they are no chunk stream or exceed a limit; the reader is spent then.
   */
  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.#current !== undefined) at = this.#readPayload(this.#current, data, at);
      else if (this.#headBytes > 0) at = this.#continueHeader(data, at);
      else at = this.#readHeader(data, at);
    }
  }

  #readHeader(data: Buffer, at: number): number {
    const used = this.#parseHeader(data, at, data.length);
    if (used === 0) this.#headBytes = data.copy(this.#head, 0, at);
    return used === 0 ? data.length : at + used;
  }

  #continueHeader(data: Buffer, at: number): number {
    const carried = this.#headBytes;
    this.#headBytes += data.copy(this.#head, carried, at, at + MAX_HEADER_BYTES - carried);
    const used = this.#parseHeader(this.#head, 0, this.#headBytes);
    if (used === 0) return data.length;
    this.#headBytes = 0;
    if (used >= carried) return at + used - carried;
    // What looked like a repeated timestamp was payload: it goes on from a copy, since the carry is written again.
    this.push(Buffer.from(this.#head.subarray(used, carried)));
    return at;
  }

  /** @returns the header's length, 0 while it is incomplete. */
  #parseHeader(bytes: Buffer, at: number, end: number): number {
    const first = bytes.readUInt8(at);
    const format = first >> 6;
    const short = first & 0x3f;
    const fieldAt = at + (short === 0 ? 2 : short === 1 ? 3 : 1);
    const extendedAt = fieldAt + (MESSAGE_HEADER_BYTES[format] ?? 0);
    if (end < extendedAt) return 0;
    const stream = this.#streams.find(chunkStreamId(bytes, at, short), format);
    const extendedBytes =
      format === 3
        ? this.#repeatedBytes(stream, bytes, extendedAt, end)
        : bytes.readUIntBE(fieldAt, 3) === EXTENDED
          ? 4
          : 0;
    if (extendedBytes === undefined || end < extendedAt + extendedBytes) return 0;
    if (format !== 3) this.#streams.startMessage(stream, format, bytes, fieldAt);
    else if (stream.received === 0) stream.timestamp = (stream.timestamp + stream.timeField) >>> 0;
    this.#startChunk(stream);
    return extendedAt + extendedBytes - at;
  }

  /**
   * Extended timestamp bytes after a type 3 basic header: RTMP 1.0, 5.3.1.3 repeats them, old encoders do not. They
   * are taken when they equal the last ones, unless the peer has been seen to leave them out.
   * @returns undefined while too few bytes are there to tell.
   */
  #repeatedBytes(stream: ChunkStream, bytes: Buffer, at: number, end: number): 0 | 4 | undefined {
    if (!stream.extended || this.#leavesOutExtended) return 0;
    for (let i = 0; i < 4; i++) {
      if (at + i >= end) return undefined;
      this.#leavesOutExtended = bytes[at + i] !== ((stream.timeField >>> (24 - 8 * i)) & 0xff);
      if (this.#leavesOutExtended) return 0;
    }
    return 4;
  }

  #startChunk(stream: ChunkStream): void {
    this.#current = stream;
    this.#chunkLeft = Math.min(stream.length - stream.received, this.#chunkBytes);
    if (this.#chunkLeft === 0) this.#deliver(stream, NO_BYTES);
  }

  #readPayload(stream: ChunkStream, data: Buffer, at: number): number {
    if (this.#chunkLeft === stream.length && data.length - at >= stream.length) {
      this.#deliver(stream, data.subarray(at, at + stream.length));
      return at + stream.length;
    }
    const joinedEnd = stream.received === 0 ? this.#joinChunks(stream, data, at) : 0;
    if (joinedEnd > 0) {
      this.#deliver(stream, data.subarray(at, at + stream.length));
      return joinedEnd;
    }
    const buffer = this.#streams.bufferOf(stream);
    const copied = data.copy(buffer, stream.received, at, at + this.#chunkLeft);
    stream.received += copied;
    this.#chunkLeft -= copied;
    const end = at + copied;
    if (stream.received === stream.length) this.#deliver(stream, buffer);
    else if (this.#chunkLeft === 0) this.#current = undefined;
    return end;
  }

  /**
   * Moves the chunks of one whole message together, over the type 3 headers between them. Saves a new buffer for
   * nearly every picture of an encoder with small chunks, and with it most of the garbage collector's work.
   * @returns where the message's chunks end; 0, with nothing moved, when they do not all follow one another here.
   */
  #joinChunks(stream: ChunkStream, data: Buffer, start: number): number {
    const headerBytes = stream.extended && !this.#leavesOutExtended ? 5 : 1;
    const step = this.#chunkBytes + headerBytes;
    const continuations = Math.ceil(stream.length / this.#chunkBytes) - 1;
    const end = start + stream.length + continuations * headerBytes;
    if (end > data.length || stream.id > 63) return 0;
    for (let n = 1, at = start + this.#chunkBytes; n <= continuations; n++, at += step) {
      if (data[at] !== (0xc0 | stream.id)) return 0;
      if (headerBytes === 5 && data.readUInt32BE(at + 1) !== stream.timeField) return 0;
    }
    for (let n = 1; n <= continuations; n++) {
      const from = start + n * step;
      data.copyWithin(start + n * this.#chunkBytes, from, Math.min(from + this.#chunkBytes, end));
    }
    return end;
  }

  #deliver(stream: ChunkStream, payload: Buffer): void {
    this.#streams.release(stream);
    this.#current = undefined;
    switch (stream.type) {
      case MESSAGE_TYPE.setChunkSize:
        this.#chunkBytes = chunkSizeOf(payload);
        break;
      case MESSAGE_TYPE.abort:
        if (payload.length >= 4) this.#streams.abort(payload.readUInt32BE(0));
        break;
      default:
        this.#sink.onMessage(stream.type, stream.streamId, stream.timestamp, payload);
    }
  }
}

/** Chunk stream id of a basic header of one, two or three bytes (RTMP 1.0, 5.3.1.1). */
function chunkStreamId(bytes: Buffer, at: number, short: number): number {
  if (short === 0) return 64 + bytes.readUInt8(at + 1);
  return short === 1 ? 64 + bytes.readUInt16LE(at + 1) : short;
}

function chunkSizeOf(payload: Buffer): number {
  const size = payload.length < 4 ? 0 : payload.readUInt32BE(0);
  if (size === 0 || size > 0x7fffffff) throw new ProtocolError(`chunk size ${size} is not allowed`);
  return Math.min(size, MAX_CHUNK_BYTES);
}
