import type { VideoCodec } from '../domain/codec.ts';
import { BitReader } from './bitReader.ts';
import { h264Chroma, HIGH_PROFILES, skipPictureOrder, skipProfileTierLevel, unescape } from './sps.ts';

const BASELINE = 66;
const EXTENDED_SAR = 255;
const HEVC_SPS = 33;
/** More than any level allows (H.264 A.3.1, HEVC A.4.2). */
const MAX_DEPTH = 16;

/**
 * How many pictures may come before one in decoding order and after it in output order, by the parameter sets in
 * `config` (avcC, hvcC): decode times lie that many pictures before output times. Undefined when they do not say.
 * Never throws.
 */
export function reorderDepth(codec: VideoCodec, config: Buffer): number | undefined {
  try {
    const depth = codec === 'h264' ? h264Depth(config) : codec === 'hevc' ? hevcDepth(config) : 0;
    return depth === undefined || depth > MAX_DEPTH ? undefined : depth;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** max_num_reorder_frames (H.264 E.2.1), or 0 where the profile or the order type leaves no other. */
function h264Depth(avcC: Buffer): number | undefined {
  if ((avcC.readUInt8(5) & 31) === 0) return undefined;
  const bits = new BitReader(unescape(avcC.subarray(9, 8 + avcC.readUInt16BE(6))));
  const profile = bits.bits(8);
  bits.skip(16);
  bits.ue();
  if (HIGH_PROFILES.has(profile)) h264Chroma(bits);
  bits.ue();
  const orderType = skipPictureOrder(bits);
  if (profile === BASELINE || orderType === 2) return 0;
  bits.ue();
  bits.skip(1);
  bits.ue();
  bits.ue();
  if (!bits.flag()) bits.skip(1);
  bits.skip(1);
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.ue();
  return bits.flag() ? vuiDepth(bits) : undefined;
}

/** vui_parameters() of H.264 E.1.1. */
function vuiDepth(bits: BitReader): number | undefined {
  skipPictureFields(bits);
  const hasNal = skipHrd(bits);
  const hasVcl = skipHrd(bits);
  if (hasNal || hasVcl) bits.skip(1);
  bits.skip(1);
  if (!bits.flag()) return undefined;
  bits.skip(1);
  for (let i = 0; i < 4; i++) bits.ue();
  return bits.ue();
}

/** Skips aspect ratio, overscan, video signal, chroma location and timing (H.264 E.1.1). */
function skipPictureFields(bits: BitReader): void {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) for (let i = 0; i < 2; i++) bits.ue();
  if (bits.flag()) bits.skip(65);
}

/** Skips hrd_parameters() (H.264 E.1.2) where its flag is set. @returns the flag. */
function skipHrd(bits: BitReader): boolean {
  if (!bits.flag()) return false;
  const count = Math.min(bits.ue(), 31) + 1;
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
  return true;
}

function hevcDepth(hvcC: Buffer): number | undefined {
  let offset = 23;
  for (let arrays = hvcC.readUInt8(22); arrays > 0; arrays--) {
    const type = hvcC.readUInt8(offset) & 63;
    const count = hvcC.readUInt16BE(offset + 1);
    offset += 3;
    for (let i = 0; i < count; i++) {
      const length = hvcC.readUInt16BE(offset);
      if (type === HEVC_SPS) return hevcSpsDepth(hvcC.subarray(offset + 2, offset + 2 + length));
      offset += 2 + length;
    }
  }
  return undefined;
}

/** sps_max_num_reorder_pics of the highest sub-layer (HEVC 7.3.2.2). */
function hevcSpsDepth(nal: Buffer): number {
  const bits = new BitReader(unescape(nal.subarray(2)));
  bits.skip(4);
  const subLayers = bits.bits(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.ue();
  if (bits.ue() === 3) bits.skip(1);
  bits.ue();
  bits.ue();
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.ue();
  for (let i = 0; i < 3; i++) bits.ue();
  let depth = 0;
  for (let i = bits.flag() ? 0 : subLayers; i <= subLayers; i++) {
    bits.ue();
    depth = bits.ue();
    bits.ue();
  }
  return depth;
}
