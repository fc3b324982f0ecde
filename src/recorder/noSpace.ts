import { hasCode } from '../util/errorCode.ts';

/** True for the system's errors of a full disk and of a spent quota. */
export function isNoSpace(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT');
}

/**
 * True when a child complained of a full disk. Its exit code does not tell: FFmpeg 5.1 ends with 0 when only the last
 * bytes of a WebM or MKV found no room.
 */
export function saysNoSpace(lines: readonly string[]): boolean {
  return lines.some((line) => /No space left on device|Disk quota exceeded/.test(line));
}
