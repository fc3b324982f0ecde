import { BitReader } from './bitReader.ts';
import { UNKNOWN_SIZE, type VideoSize } from './videoSize.ts';

/** Profiles whose SPS carries chroma format, bit depths and scaling matrices (H.264 7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const HEVC_SPS = 33;
const BASELINE = 66;
const EXTENDED_SAR = 255;

/** Bytes of a NAL unit without emulation prevention bytes (H.264 7.3.1, HEVC 7.3.1.1). */
function unescape(nal: Buffer): Buffer {
  const out = Buffer.allocUnsafe(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** Samples that one cropping step spans: [horizontal, vertical], by chroma_format_idc. */
function cropUnits(chromaFormat: number): readonly [number, number] {
  return [chromaFormat === 1 || chromaFormat === 2 ? 2 : 1, chromaFormat === 1 ? 2 : 1];
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size && last !== 0; i++) last = (last + bits.se() + 256) % 256;
}

/** Reads the high-profile fields and returns ChromaArrayType. */
function h264Chroma(bits: BitReader): number {
  const format = bits.ue();
  const separatePlanes = format === 3 && bits.flag();
  bits.ue();
  bits.ue();
  bits.skip(1);
  if (bits.flag()) {
    for (let i = 0; i < (format === 3 ? 12 : 8); i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return separatePlanes ? 0 : format;
}

/** Reads the picture order fields and returns pic_order_cnt_type. */
function pictureOrderType(bits: BitReader): number {
  const type = bits.ue();
  if (type === 0) bits.ue();
  if (type !== 1) return type;
  bits.skip(1);
  bits.se();
  bits.se();
  for (let left = Math.min(bits.ue(), 255); left > 0; left--) bits.se();
  return type;
}

/** What comes before the size in an H.264 sequence parameter set (H.264 7.3.2.1.1). */
function h264SpsHead(bits: BitReader): { profile: number; chroma: number; orderType: number } {
  const profile = bits.bits(8);
  bits.skip(16);
  bits.ue();
  const chroma = HIGH_PROFILES.has(profile) ? h264Chroma(bits) : 1;
  bits.ue();
  return { profile, chroma, orderType: pictureOrderType(bits) };
}

/** Visible size, read from behind the head on. */
function h264SpsSize(bits: BitReader, chroma: number): VideoSize {
  bits.ue();
  bits.skip(1);
  const width = (bits.ue() + 1) * 16;
  const mapUnits = bits.ue() + 1;
  const fields = bits.flag() ? 1 : 2;
  if (fields === 2) bits.skip(1);
  bits.skip(1);
  const height = mapUnits * 16 * fields;
  if (!bits.flag()) return { width, height };
  const [unitX, unitY] = cropUnits(chroma);
  const [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  return { width: width - (left + right) * unitX, height: height - (top + bottom) * unitY * fields };
}

/** Skips hrd_parameters (H.264 E.1.2). */
function skipHrd(bits: BitReader): void {
  const count = Math.min(bits.ue(), 31) + 1;
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
}

/** Skips what VUI parameters say of pictures and their rate (H.264 E.1.1). */
function skipVuiHead(bits: BitReader): void {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.ue();
    bits.ue();
  }
  if (bits.flag()) bits.skip(65);
}

/** max_num_reorder_frames of VUI parameters (H.264 E.1.1); undefined when they do not say. */
function vuiReorderFrames(bits: BitReader): number | undefined {
  skipVuiHead(bits);
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  bits.skip(nalHrd || vclHrd ? 2 : 1);
  if (!bits.flag()) return undefined;
  bits.skip(1);
  for (let i = 0; i < 4; i++) bits.ue();
  return bits.ue();
}

/**
 * How many pictures may come before one that is shown earlier, by an H.264 sequence parameter set NAL unit: 0 where
 * decoding and output have one order. Undefined when it does not say. @throws RangeError when cut short.
 */
export function h264ReorderFrames(sps: Buffer): number | undefined {
  const bits = new BitReader(unescape(sps.subarray(1)));
  const { profile, chroma, orderType } = h264SpsHead(bits);
  // Baseline has no B slices (A.2.1); type 2 is output in decoding order (8.2.1.3).
  if (profile === BASELINE || orderType === 2) return 0;
  h264SpsSize(bits, chroma);
  return bits.flag() ? vuiReorderFrames(bits) : undefined;
}

/** The first sequence parameter set of an AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1). */
export function firstSps(avcC: Buffer): Buffer | undefined {
  return (avcC.readUInt8(5) & 31) === 0 ? undefined : avcC.subarray(8, 8 + avcC.readUInt16BE(6));
}

/** Visible size from an AVCDecoderConfigurationRecord. @throws RangeError when cut short. */
export function h264Size(avcC: Buffer): VideoSize {
  const sps = firstSps(avcC);
  if (sps === undefined) return UNKNOWN_SIZE;
  const bits = new BitReader(unescape(sps.subarray(1)));
  return h264SpsSize(bits, h264SpsHead(bits).chroma);
}

/** Skips profile_tier_level (HEVC 7.3.3). */
function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.skip(96);
  let length = 0;
  for (let i = 0; i < subLayers; i++) length += (bits.flag() ? 88 : 0) + (bits.flag() ? 8 : 0);
  bits.skip((subLayers > 0 ? (8 - subLayers) * 2 : 0) + length);
}

/** Visible size of an HEVC sequence parameter set NAL unit (HEVC 7.3.2.2). @throws RangeError when cut short. */
function hevcSpsSize(nal: Buffer): VideoSize {
  const bits = new BitReader(unescape(nal.subarray(2)));
  bits.skip(4);
  const subLayers = bits.bits(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.ue();
  const chroma = bits.ue();
  if (chroma === 3) bits.skip(1);
  const [width, height] = [bits.ue(), bits.ue()];
  if (!bits.flag()) return { width, height };
  const [unitX, unitY] = cropUnits(chroma);
  const [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  return { width: width - (left + right) * unitX, height: height - (top + bottom) * unitY };
}

/** Visible size from an HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1). @throws RangeError when cut short. */
export function hevcSize(hvcC: Buffer): VideoSize {
  let offset = 23;
  for (let arrays = hvcC.readUInt8(22); arrays > 0; arrays--) {
    const type = hvcC.readUInt8(offset) & 63;
    const count = hvcC.readUInt16BE(offset + 1);
    offset += 3;
    for (let i = 0; i < count; i++) {
      const length = hvcC.readUInt16BE(offset);
      if (type === HEVC_SPS) return hevcSpsSize(hvcC.subarray(offset + 2, offset + 2 + length));
      offset += 2 + length;
    }
  }
  return UNKNOWN_SIZE;
}
