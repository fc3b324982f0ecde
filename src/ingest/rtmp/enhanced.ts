/** Packet types of Enhanced RTMP v2 that audio and video share ("ExVideoTagHeader", "ExAudioTagHeader"). */
export const EX_PACKET = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2 } as const;
/** Packet types of video only. */
export const EX_VIDEO_PACKET = {
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
} as const;
/** Packet types of audio only. */
export const EX_AUDIO_PACKET = { multichannelConfig: 4, multitrack: 5 } as const;

const MOD_EX = 7;
const ONE_TRACK = 0;
const MANY_TRACKS_MANY_CODECS = 2;

/** One enhanced message, cut down to its default track. */
export interface ExPacket {
  readonly type: number;
  /** Four characters, e.g. `hvc1`. */
  readonly fourCc: string;
  /** What follows the headers. */
  readonly body: Buffer;
}

/**
 * Reads the headers of an enhanced audio or video message: skips ModEx, and of a multitrack message takes the track
 * with id 0, the default one. @returns undefined when there is no such track.
 * @param multitrack the packet type that means multitrack for this kind of media.
 * @throws RangeError when the message is cut short.
 */
export function readExPacket(message: Buffer, multitrack: number): ExPacket | undefined {
  const start = skipModEx(message);
  if (start.type === multitrack) return defaultTrack(message, start.at);
  return { type: start.type, fourCc: fourCcAt(message, start.at), body: message.subarray(start.at + 4) };
}

/** The packet type behind any ModEx prefixes, and where the bytes after it begin. */
function skipModEx(message: Buffer): { type: number; at: number } {
  let type = message.readUInt8(0) & 0x0f;
  let at = 1;
  while (type === MOD_EX) {
    let size = message.readUInt8(at++) + 1;
    if (size === 256) {
      size = message.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    type = message.readUInt8(at++) & 0x0f;
  }
  return { type, at };
}

function defaultTrack(message: Buffer, start: number): ExPacket | undefined {
  const kinds = message.readUInt8(start);
  const layout = kinds >> 4;
  const type = kinds & 0x0f;
  let at = start + 1;
  let fourCc = '';
  if (layout !== MANY_TRACKS_MANY_CODECS) {
    fourCc = fourCcAt(message, at);
    at += 4;
  }
  while (at < message.length) {
    if (layout === MANY_TRACKS_MANY_CODECS) {
      fourCc = fourCcAt(message, at);
      at += 4;
    }
    const id = message.readUInt8(at++);
    let size = message.length - at;
    if (layout !== ONE_TRACK) {
      size = message.readUIntBE(at, 3);
      at += 3;
    }
    if (at + size > message.length) throw new RangeError('track is cut short');
    if (id === 0) return { type, fourCc, body: message.subarray(at, at + size) };
    at += size;
  }
  return undefined;
}

function fourCcAt(message: Buffer, at: number): string {
  if (at + 4 > message.length) throw new RangeError('FourCC is cut short');
  return message.toString('latin1', at, at + 4);
}
