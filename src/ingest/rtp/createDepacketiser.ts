import { AacDepacketiser } from './aac.ts';
import { G711Depacketiser, OpusDepacketiser } from './audio.ts';
import { parseFmtp, type Depacketiser, type DepacketiserOutput } from './depacketiser.ts';
import { h264Depacketiser } from './h264.ts';
import { hevcDepacketiser } from './hevc.ts';
import { LatmDepacketiser } from './latm.ts';
import { Vp8Depacketiser } from './vp8.ts';

/** Codecs with a depacketiser. */
export type RtpCodec = 'h264' | 'hevc' | 'vp8' | 'opus' | 'pcmu' | 'pcma' | 'aac' | 'aac-latm';

/** What a session description says about a track, and a bound. */
export interface RtpFormat {
  readonly codec: RtpCodec;
  /** Of the rtpmap, Hz. */
  readonly clockRate: number;
  /** Of the rtpmap; 1 when it names none. */
  readonly channels?: number;
  /** Text of the `a=fmtp` line after the payload type. */
  readonly fmtp?: string;
  /** Largest access unit; a longer one is discarded as damaged. */
  readonly maxAccessUnitBytes: number;
}

/** The depacketiser of a codec. */
export function createDepacketiser(format: RtpFormat, output: DepacketiserOutput): Depacketiser {
  const init = {
    clockRate: format.clockRate,
    channels: format.channels ?? 1,
    fmtp: parseFmtp(format.fmtp ?? ''),
    maxFrameBytes: format.maxAccessUnitBytes,
  };
  switch (format.codec) {
    case 'h264':
      return h264Depacketiser(init, output);
    case 'hevc':
      return hevcDepacketiser(init, output);
    case 'vp8':
      return new Vp8Depacketiser(init, output);
    case 'opus':
      return new OpusDepacketiser(init, output);
    case 'pcmu':
    case 'pcma':
      return new G711Depacketiser(format.codec, init, output);
    case 'aac':
      return new AacDepacketiser(init, output);
    case 'aac-latm':
      return new LatmDepacketiser(init, output);
  }
}
