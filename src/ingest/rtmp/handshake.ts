import { createHmac, randomBytes } from 'node:crypto';
import { ProtocolError } from './protocol.ts';

const VERSION = 3;
const RTMPE_VERSION = 6;
const BLOCK_BYTES = 1536;
const DIGEST_BYTES = 32;
/** Position of the four bytes whose sum places the digest: scheme 0, then scheme 1. */
const DIGEST_BASES = [8, 772] as const;
const DIGEST_RANGE = 728;
/** Any version of 3 or more makes clients look for a digest in S1. */
const SERVER_VERSION = 0x04050001;

const KEY_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const CLIENT_TEXT = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER_TEXT = Buffer.from('Genuine Adobe Flash Media Server 001');

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hash = createHmac('sha256', key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function digestPosition(block: Buffer, base: number): number {
  const sum =
    block.readUInt8(base) + block.readUInt8(base + 1) + block.readUInt8(base + 2) + block.readUInt8(base + 3);
  return (sum % DIGEST_RANGE) + base + 4;
}

function digestOf(key: Buffer, block: Buffer, position: number): Buffer {
  return hmac(key, block.subarray(0, position), block.subarray(position + DIGEST_BYTES));
}

/** The base and the digest of a client that signed its C1; undefined for the simple handshake. */
function findDigest(c1: Buffer): { base: number; digest: Buffer } | undefined {
  for (const base of DIGEST_BASES) {
    const position = digestPosition(c1, base);
    const digest = c1.subarray(position, position + DIGEST_BYTES);
    if (digestOf(CLIENT_TEXT, c1, position).equals(digest)) return { base, digest };
  }
  return undefined;
}

/**
 * S0, S1 and S2 for a C1: the echo of RTMP 1.0, 5.2 for clients that send no digest, else the signed form that
 * Flash Player 9 and later ask for (HMAC-SHA256, same digest scheme as the client's).
 */
export function answerHandshake(c1: Buffer): Buffer {
  const answer = Buffer.concat([Buffer.of(VERSION), randomBytes(2 * BLOCK_BYTES)]);
  const s1 = answer.subarray(1, 1 + BLOCK_BYTES);
  const s2 = answer.subarray(1 + BLOCK_BYTES);
  const signed = findDigest(c1);
  s1.writeUInt32BE(0, 0);
  if (signed === undefined) {
    s1.writeUInt32BE(0, 4);
    c1.copy(s2);
    return answer;
  }
  s1.writeUInt32BE(SERVER_VERSION, 4);
  const position = digestPosition(s1, signed.base);
  digestOf(SERVER_TEXT, s1, position).copy(s1, position);
  const key = hmac(Buffer.concat([SERVER_TEXT, KEY_TAIL]), signed.digest);
  hmac(key, s2.subarray(0, BLOCK_BYTES - DIGEST_BYTES)).copy(s2, BLOCK_BYTES - DIGEST_BYTES);
  return answer;
}

/** The server's side of the handshake (RTMP 1.0, 5.2), fed with bytes as they come. C2 is not judged. */
export class Handshake {
  readonly #send: (bytes: Buffer) => void;
  readonly #c0c1 = Buffer.allocUnsafe(1 + BLOCK_BYTES);
  #received = 0;

  /** @param send writes S0, S1 and S2. */
  constructor(send: (bytes: Buffer) => void) {
    this.#send = send;
  }

  /**
   * Takes bytes. @returns what follows C2, or undefined while the handshake is not over.
   * @throws ProtocolError for any version but 3; RTMPE needs RC4 and is not offered.
   */
  push(chunk: Buffer): Buffer | undefined {
    const opening = this.#received < this.#c0c1.length;
    if (opening) chunk.copy(this.#c0c1, this.#received);
    if (this.#received === 0 && chunk.length > 0) checkVersion(chunk.readUInt8(0));
    const before = this.#received;
    this.#received += chunk.length;
    if (opening && this.#received >= this.#c0c1.length) this.#send(answerHandshake(this.#c0c1.subarray(1)));
    const end = this.#c0c1.length + BLOCK_BYTES;
    return this.#received < end ? undefined : chunk.subarray(end - before);
  }
}

function checkVersion(version: number): void {
  if (version === VERSION) return;
  throw new ProtocolError(
    version === RTMPE_VERSION ? 'RTMPE is not supported' : `unsupported RTMP version ${version}`,
  );
}
