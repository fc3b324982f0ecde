import { BitReader } from './bitReader.ts';
import { isReal, type VideoSize } from './videoSize.ts';

/** Profiles whose SPS carries chroma format, bit depths and scaling matrices (H.264 7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const BASELINE = 66;
const HEVC_SPS = 33;
/** Both codecs hold at most 16 frames for output. */
const MAX_REORDER_DEPTH = 16;

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

/** Cropping steps at both sides together: [horizontal, vertical]. */
function crop(bits: BitReader): readonly [number, number] {
  if (!bits.flag()) return [0, 0];
  const [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  return [left + right, top + bottom];
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size && last !== 0; i++) last = (last + bits.se() + 256) % 256;
}

/** Chroma and depth of the samples. */
interface SampleFormat {
  readonly chromaFormat: number;
  /** ChromaArrayType of H.264: 0 for separately coded planes. */
  readonly chromaArray: number;
  readonly lumaDepth: number;
  readonly chromaDepth: number;
}

const ORDINARY: SampleFormat = { chromaFormat: 1, chromaArray: 1, lumaDepth: 8, chromaDepth: 8 };

/** What an SPS says that a receiver or a container wants to know. */
export interface SpsInfo extends VideoSize, SampleFormat {
  /**
   * Frames that may precede a frame in decoding order and follow it in output order; undefined when not said.
   * HEVC always says it.
   */
  readonly reorderDepth: number | undefined;
}

function h264Samples(bits: BitReader): SampleFormat {
  const chromaFormat = bits.ue();
  const chromaArray = chromaFormat === 3 && bits.flag() ? 0 : chromaFormat;
  const lumaDepth = bits.ue() + 8;
  const chromaDepth = bits.ue() + 8;
  bits.skip(1);
  if (bits.flag()) {
    for (let i = 0; i < (chromaFormat === 3 ? 12 : 8); i++)
      if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return { chromaFormat, chromaArray, lumaDepth, chromaDepth };
}

/** Reads the picture order fields and returns pic_order_cnt_type. */
function pictureOrder(bits: BitReader): number {
  const type = bits.ue();
  if (type === 0) bits.ue();
  if (type !== 1) return type;
  bits.skip(1);
  bits.se();
  bits.se();
  for (let left = Math.min(bits.ue(), 255); left > 0; left--) bits.se();
  return type;
}

/** Skips hrd_parameters (H.264 E.1.2). */
function skipHrd(bits: BitReader): void {
  const count = Math.min(bits.ue() + 1, 32);
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
}

/** Skips vui_parameters up to the HRD (H.264 E.1.1). */
function skipVuiStart(bits: BitReader): void {
  if (bits.flag() && bits.bits(8) === 255) bits.skip(32);
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

/** max_num_reorder_frames of vui_parameters (H.264 E.1.1). @throws RangeError when cut short. */
function h264VuiReorderDepth(bits: BitReader): number | undefined {
  skipVuiStart(bits);
  const hasNalHrd = bits.flag();
  if (hasNalHrd) skipHrd(bits);
  const hasVclHrd = bits.flag();
  if (hasVclHrd) skipHrd(bits);
  bits.skip(hasNalHrd || hasVclHrd ? 2 : 1);
  if (!bits.flag()) return undefined;
  bits.skip(1);
  for (let i = 0; i < 4; i++) bits.ue();
  return bits.ue();
}

interface H264Order {
  readonly profile: number;
  readonly constraints: number;
  readonly orderType: number;
}

/** H.264 E.2.1 and 8.2.1.3, and Baseline, whose encoders do not reorder. */
function h264ReorderDepth(bits: BitReader, order: H264Order): number | undefined {
  const isIntraOnly = HIGH_PROFILES.has(order.profile) && (order.constraints & 0x10) !== 0;
  if (order.orderType === 2 || order.profile === BASELINE || isIntraOnly) return 0;
  const depth = orCutShort(() => (bits.flag() ? h264VuiReorderDepth(bits) : undefined));
  return depth !== undefined && depth <= MAX_REORDER_DEPTH ? depth : undefined;
}

/** The size stands before these fields, so a damaged end only leaves them unknown. */
function orCutShort<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError for a size that no picture has, e.g. with more cropped than there is. */
function realSize(width: number, height: number): VideoSize {
  const size = { width, height };
  if (!isReal(size)) throw new RangeError(`an SPS of ${width}x${height}`);
  return size;
}

/** Reads an H.264 sequence parameter set NAL unit (H.264 7.3.2.1.1). @throws RangeError when cut short or no picture's. */
export function h264Sps(nal: Buffer): SpsInfo {
  const bits = new BitReader(unescape(nal.subarray(1)));
  const profile = bits.bits(8);
  const constraints = bits.bits(8);
  bits.skip(8);
  bits.ue();
  const samples = HIGH_PROFILES.has(profile) ? h264Samples(bits) : ORDINARY;
  bits.ue();
  const orderType = pictureOrder(bits);
  bits.ue();
  bits.skip(1);
  const codedWidth = (bits.ue() + 1) * 16;
  const mapUnits = bits.ue() + 1;
  const fields = bits.flag() ? 1 : 2;
  if (fields === 2) bits.skip(1);
  bits.skip(1);
  const [unitX, unitY] = cropUnits(samples.chromaArray);
  const [cropX, cropY] = crop(bits);
  const codedHeight = mapUnits * 16 * fields;
  const size = realSize(codedWidth - cropX * unitX, codedHeight - cropY * unitY * fields);
  const reorderDepth = h264ReorderDepth(bits, { profile, constraints, orderType });
  return { ...samples, ...size, reorderDepth };
}

/** The first sequence parameter set of an AVCDecoderConfigurationRecord. @throws RangeError when cut short. */
export function h264ConfigSps(avcC: Buffer): SpsInfo | undefined {
  if ((avcC.readUInt8(5) & 31) === 0) return undefined;
  return h264Sps(avcC.subarray(8, 8 + avcC.readUInt16BE(6)));
}

/** Skips profile_tier_level (HEVC 7.3.3). */
function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.skip(96);
  let length = 0;
  for (let i = 0; i < subLayers; i++) length += (bits.flag() ? 88 : 0) + (bits.flag() ? 8 : 0);
  bits.skip((subLayers > 0 ? (8 - subLayers) * 2 : 0) + length);
}

/** sps_max_num_reorder_pics of the highest sub-layer (HEVC 7.3.2.2.1). @throws RangeError when cut short. */
function hevcReorderDepth(bits: BitReader, subLayers: number): number {
  bits.ue();
  const isPerLayer = bits.flag();
  let depth = 0;
  for (let layer = isPerLayer ? 0 : subLayers; layer <= subLayers; layer++) {
    bits.ue();
    depth = bits.ue();
    bits.ue();
  }
  return depth;
}

/** Reads an HEVC sequence parameter set NAL unit (HEVC 7.3.2.2). @throws RangeError when cut short or no picture's. */
export function hevcSps(nal: Buffer): SpsInfo {
  const bits = new BitReader(unescape(nal.subarray(2)));
  bits.skip(4);
  const subLayers = bits.bits(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.ue();
  const chromaFormat = bits.ue();
  if (chromaFormat === 3) bits.skip(1);
  const [codedWidth, codedHeight] = [bits.ue(), bits.ue()];
  const [unitX, unitY] = cropUnits(chromaFormat);
  const [cropX, cropY] = crop(bits);
  const size = realSize(codedWidth - cropX * unitX, codedHeight - cropY * unitY);
  const depths = orCutShort(() => ({ lumaDepth: bits.ue() + 8, chromaDepth: bits.ue() + 8 })) ?? ORDINARY;
  const depth = orCutShort(() => hevcReorderDepth(bits, subLayers));
  const reorderDepth = depth !== undefined && depth <= MAX_REORDER_DEPTH ? depth : undefined;
  return { ...ORDINARY, ...depths, ...size, chromaFormat, reorderDepth };
}

/** profile_tier_level's general part of an HEVC SPS, the twelve bytes that an hvcC repeats (HEVC 7.3.3). */
export function hevcGeneralProfile(sps: Buffer): Buffer {
  return unescape(sps.subarray(2)).subarray(1, 13);
}

/** Sub-layers and nesting of an HEVC SPS. */
export function hevcTemporalLayers(sps: Buffer): { readonly layers: number; readonly isNested: boolean } {
  const byte = sps.readUInt8(2);
  return { layers: ((byte >> 1) & 7) + 1, isNested: (byte & 1) === 1 };
}

/**
 * The first sequence parameter set of an HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1).
 * @throws RangeError when cut short.
 */
export function hevcConfigSps(hvcC: Buffer): SpsInfo | undefined {
  let offset = 23;
  for (let arrays = hvcC.readUInt8(22); arrays > 0; arrays--) {
    const type = hvcC.readUInt8(offset) & 63;
    const count = hvcC.readUInt16BE(offset + 1);
    offset += 3;
    for (let i = 0; i < count; i++) {
      const length = hvcC.readUInt16BE(offset);
      if (type === HEVC_SPS) return hevcSps(hvcC.subarray(offset + 2, offset + 2 + length));
      offset += 2 + length;
    }
  }
  return undefined;
}
