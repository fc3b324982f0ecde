import { createHash } from 'node:crypto';

/** NAME_MAX of Linux file systems, in bytes. */
const MAX_NAME_BYTES = 255;
/** Kept free for the number that tells two files of one name apart: `-` and up to seven digits. */
const COLLISION_ROOM_BYTES = 8;
const DIGEST_CHARACTERS = 8;

/** What stands behind the base of a name; never trimmed. */
export interface NameTail {
  /** Part number with its separator, e.g. `_3`; empty for none. */
  readonly number: string;
  /** With its dot, e.g. `.mp4`. */
  readonly extension: string;
}

/**
 * Makes any text the base of one ordinary, visible file: `/` and control characters become `_`, unpaired
 * surrogates U+FFFD, and a leading `.` (hidden files, `..`) or `-` (an option to most programs) gets `_` before it.
 * Empty text stays empty.
 */
export function safeBase(text: string): string {
  const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
  return wellFormed.replace(/[/\p{Cc}]/gu, '_').replace(/^(?=[.-])/u, '_');
}

/** Joins base and tail within 255 bytes, a collision number included; a base that is too long is trimmed. */
export function fitName(base: string, tail: NameTail): string {
  const end = tail.number + tail.extension;
  return trimmed(base, MAX_NAME_BYTES - COLLISION_ROOM_BYTES - Buffer.byteLength(end)) + end;
}

/**
 * Cuts at a character boundary. The digest of the whole text takes the place of what is lost, because names often
 * differ at their end only (a time, a number).
 */
function trimmed(base: string, maxBytes: number): string {
  const bytes = Buffer.from(base, 'utf8');
  if (bytes.length <= maxBytes) return base;
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST_CHARACTERS);
  let cut = maxBytes - DIGEST_CHARACTERS - 1;
  // 10xxxxxx continues a character (RFC 3629, 3).
  while (cut > 0 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut--;
  return `${bytes.toString('utf8', 0, cut)}~${digest}`;
}
