import { readFileSync } from 'node:fs';

export interface FlvTag {
  readonly kind: 'audio' | 'video';
  readonly timeMs: number;
  readonly body: Buffer;
  /** The decoder configuration, not media. */
  readonly isHeader: boolean;
}

/** Audio and video tags of an FLV file with H.264 and AAC, in order. */
export function flvTags(file: string): FlvTag[] {
  const flv = readFileSync(file);
  const tags: FlvTag[] = [];
  for (let at = 13; at < flv.length;) {
    const bytes = flv.readUIntBE(at + 1, 3);
    const type = flv.readUInt8(at);
    const timeMs = flv.readUIntBE(at + 4, 3) + flv.readUInt8(at + 7) * 2 ** 24;
    const body = flv.subarray(at + 11, at + 11 + bytes);
    if (type === 8 || type === 9) {
      tags.push({ kind: type === 8 ? 'audio' : 'video', timeMs, body, isHeader: body[1] === 0 });
    }
    at += 15 + bytes;
  }
  return tags;
}
