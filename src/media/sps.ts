import { BitReader } from './bitReader.ts';
import { UNKNOWN_SIZE, type VideoSize } from './videoSize.ts';

/** Profiles whose SPS carries chroma format, bit depths and scaling matrices (H.264 7.3.2.1.1). */
export const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const HEVC_SPS = 33;

/** Bytes of a NAL unit without emulation prevention bytes (H.264 7.3.1, HEVC 7.3.1.1). */
export function unescape(nal: Buffer): Buffer {
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
export function h264Chroma(bits: BitReader): number {
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

/** Skips pic_order_cnt_type and what belongs to it (H.264 7.3.2.1.1). @returns the type. */
export function skipPictureOrder(bits: BitReader): number {
  const type = bits.ue();
  if (type === 0) bits.ue();
  if (type !== 1) return type;
  bits.skip(1);
  bits.se();
  bits.se();
  for (let left = Math.min(bits.ue(), 255); left > 0; left--) bits.se();
  return type;
}

/** Visible size of an H.264 sequence parameter set NAL unit (H.264 7.3.2.1.1). @throws RangeError when cut short. */
function h264SpsSize(nal: Buffer): VideoSize {
  const bits = new BitReader(unescape(nal.subarray(1)));
  const profile = bits.bits(8);
  bits.skip(16);
  bits.ue();
  const chroma = HIGH_PROFILES.has(profile) ? h264Chroma(bits) : 1;
  bits.ue();
  skipPictureOrder(bits);
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

/** Visible size from an AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1). @throws RangeError when cut short. */
export function h264Size(avcC: Buffer): VideoSize {
  if ((avcC.readUInt8(5) & 31) === 0) return UNKNOWN_SIZE;
  return h264SpsSize(avcC.subarray(8, 8 + avcC.readUInt16BE(6)));
}

/** Skips profile_tier_level (HEVC 7.3.3). */
export function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
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
