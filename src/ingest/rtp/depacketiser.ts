import type { AudioCodec, VideoCodec } from '../../domain/codec.ts';

/** One access unit or audio frame, its time in ticks of the RTP clock. */
export interface Frame {
  readonly timestamp: number;
  readonly key: boolean;
  readonly data: Buffer;
}

/** What is known of a video track once a key frame was seen. */
export interface VideoFormat {
  readonly kind: 'video';
  readonly codec: VideoCodec;
  readonly config: Buffer;
  readonly width: number;
  readonly height: number;
  /** Key frames carry their parameter sets. */
  readonly inBandConfig: boolean;
  /** Frames that may precede a frame in decoding and follow it in output; undefined when the stream does not say. */
  readonly reorderDepth: number | undefined;
}

/** What is known of an audio track. */
export interface AudioFormat {
  readonly kind: 'audio';
  readonly codec: AudioCodec;
  readonly config: Buffer;
  readonly sampleRate: number;
  readonly channels: number;
}

/** Takes what a depacketiser makes of packets. */
export interface DepacketiserOutput {
  /** Before the first frame that needs it, and before the first frame for which it changed. */
  format(format: VideoFormat | AudioFormat): void;
  frame(frame: Frame): void;
  /** A frame, or a part of one, was discarded. */
  damage(): void;
}

/** Makes frames of payloads that come in sending order. Payloads are never empty; what is in them may be anything. */
export interface Depacketiser {
  /** `timestamp` is extended. */
  push(payload: Buffer, timestamp: number, isMarked: boolean): void;
  /** Packets are missing before the next one. */
  gap(): void;
  /** No packet follows: what is whole goes out. */
  flush(): void;
  /** False when this payload cannot be the beginning of a key frame. Audio: always true. */
  startsKeyFrame(payload: Buffer): boolean;
}

/** What every depacketiser needs to know. */
export interface DepacketiserInit {
  readonly clockRate: number;
  readonly channels: number;
  /** Parameters of the `a=fmtp` line, names in lower case. */
  readonly fmtp: ReadonlyMap<string, string>;
  readonly maxFrameBytes: number;
}

/** Parameters of an `a=fmtp` line's text after the payload type. */
export function parseFmtp(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of text.split(';')) {
    // Base64 values hold equals signs, so only the first one separates.
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase();
    if (name !== '') parameters.set(name, at < 0 ? '' : part.slice(at + 1).trim());
  }
  return parameters;
}
