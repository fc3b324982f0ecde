import { parseHead, RtspError } from './message.ts';
import type { RequestHead, RtspRequest } from './message.ts';

/** Bounds of what one connection can make the server keep. */
export interface ReaderLimits {
  /** Request line and header fields. */
  readonly maxHeaderBytes: number;
  readonly maxBodyBytes: number;
}

/** Takes what a connection carries, in order. */
export interface ReaderSink {
  onRequest(request: RtspRequest): void;
  /** `data` may be a view of the bytes that were pushed. */
  onFrame(channel: number, data: Buffer): void;
  /** False: frames of this channel are passed over without being kept. */
  takesFrames(channel: number): boolean;
}

/** A frame or a body that did not come in one read. */
interface Unfinished {
  /** Undefined while its bytes are passed over. */
  readonly target: Buffer | undefined;
  readonly bytes: number;
  filled: number;
  readonly done: (data: Buffer | undefined) => void;
}

const DOLLAR = 0x24;
const CR = 13;
const LF = 10;
const FRAME_HEAD_BYTES = 4;
const MAX_PIECES = 32;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts the bytes of an RTSP connection into requests and interleaved frames (RFC 2326, 10.12), whatever the edges of
 * the reads. A frame that lies in one read is handed on as a view of it; one that does not is copied once. Responses
 * are passed over.
 */
export class RequestReader {
  readonly #limits: ReaderLimits;
  readonly #sink: ReaderSink;
  /** Pieces of a head, copied, and what is known of its last line. */
  readonly #headPieces: Buffer[] = [];
  #headBytes = 0;
  #lineBytes = 0;
  readonly #frameHead = Buffer.alloc(FRAME_HEAD_BYTES);
  #frameHeadBytes = 0;
  #unfinished: Unfinished | undefined;
  #isOver = false;
  /** Requests and frames that came whole. */
  completed = 0;

  constructor(limits: ReaderLimits, sink: ReaderSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** Nothing is begun and not whole. */
  get isIdle(): boolean {
    return this.#unfinished === undefined && this.#headBytes === 0 && this.#frameHeadBytes === 0;
  }

  /** Takes bytes. @throws RtspError that closes the connection; nothing may be pushed afterwards. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isOver) {
      if (this.#unfinished !== undefined) at = this.#fill(this.#unfinished, chunk, at);
      else if (this.#frameHeadBytes > 0) at = this.#fillFrameHead(chunk, at);
      else if (this.#headBytes > 0) at = this.#scanHead(chunk, at);
      else at = this.#begin(chunk, at);
    }
  }

  /** Passes over whatever comes from now on. */
  stop(): void {
    this.#isOver = true;
  }

  #begin(chunk: Buffer, at: number): number {
    const first = chunk[at];
    // Empty lines between messages are harmless (RFC 2326, 4).
    if (first === CR || first === LF) return at + 1;
    if (first !== DOLLAR) return this.#scanHead(chunk, at);
    const start = at + FRAME_HEAD_BYTES;
    if (start > chunk.length) return this.#fillFrameHead(chunk, at);
    return this.#frame(chunk[at + 1] ?? 0, chunk.readUInt16BE(at + 2), { chunk, start });
  }

  #fillFrameHead(chunk: Buffer, at: number): number {
    const end = at + FRAME_HEAD_BYTES - this.#frameHeadBytes;
    this.#frameHeadBytes += chunk.copy(this.#frameHead, this.#frameHeadBytes, at, end);
    if (this.#frameHeadBytes < FRAME_HEAD_BYTES) return chunk.length;
    this.#frameHeadBytes = 0;
    return this.#frame(this.#frameHead[1] ?? 0, this.#frameHead.readUInt16BE(2), { chunk, start: end });
  }

  #frame(channel: number, bytes: number, from: { readonly chunk: Buffer; readonly start: number }): number {
    const { chunk, start } = from;
    const end = start + bytes;
    const isTaken = bytes > 0 && this.#sink.takesFrames(channel);
    if (end <= chunk.length) {
      this.completed++;
      if (isTaken) this.#sink.onFrame(channel, chunk.subarray(start, end));
      return end;
    }
    this.#unfinished = {
      target: isTaken ? Buffer.allocUnsafeSlow(bytes) : undefined,
      bytes,
      filled: 0,
      done: (data) => data !== undefined && this.#sink.onFrame(channel, data),
    };
    return start;
  }

  #fill(unfinished: Unfinished, chunk: Buffer, at: number): number {
    const { target, bytes, filled, done } = unfinished;
    const end = Math.min(chunk.length, at + bytes - filled);
    if (target !== undefined) chunk.copy(target, filled, at, end);
    unfinished.filled += end - at;
    if (unfinished.filled === bytes) {
      this.#unfinished = undefined;
      this.completed++;
      done(target);
    }
    return end;
  }

  /** Looks for the empty line that ends a head; every byte is looked at once. */
  #scanHead(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF && this.#lineBytes === 0) {
        this.#keepHead(chunk.subarray(start, at + 1));
        this.#finishHead();
        return at + 1;
      }
      if (byte === LF) this.#lineBytes = 0;
      else if (byte !== CR) this.#lineBytes++;
    }
    this.#keepHead(chunk.subarray(start));
    return chunk.length;
  }

  #keepHead(piece: Buffer): void {
    this.#headBytes += piece.length;
    if (this.#headBytes > this.#limits.maxHeaderBytes) {
      const reason = `request head longer than ${this.#limits.maxHeaderBytes} bytes`;
      throw new RtspError(431, reason, { closes: true });
    }
    // Copies: a head that comes byte by byte would keep as many reads, and as many pieces.
    this.#headPieces.push(Buffer.from(piece));
    if (this.#headPieces.length >= MAX_PIECES)
      this.#headPieces.push(Buffer.concat(this.#headPieces.splice(0)));
  }

  #finishHead(): void {
    const text = Buffer.concat(this.#headPieces.splice(0)).toString('utf8');
    this.#headBytes = 0;
    this.#lineBytes = 0;
    const { head, bodyBytes } = parseHead(text.replace(/\r*\n\r*\n$/, ''));
    if (bodyBytes > this.#limits.maxBodyBytes) {
      const reason = `request body longer than ${this.#limits.maxBodyBytes} bytes`;
      throw new RtspError(413, reason, { closes: true });
    }
    if (bodyBytes === 0) this.#request(head, NOTHING);
    else {
      const done = (body: Buffer | undefined): void => this.#request(head, body ?? NOTHING);
      const target = head === undefined ? undefined : Buffer.allocUnsafeSlow(bodyBytes);
      this.#unfinished = { target, bytes: bodyBytes, filled: 0, done };
      return;
    }
    this.completed++;
  }

  #request(head: RequestHead | undefined, body: Buffer): void {
    if (head !== undefined) this.#sink.onRequest({ ...head, body });
  }
}
