import { h264Sps, hevcGeneralProfile, hevcSps, hevcTemporalLayers, type SpsInfo } from './sps.ts';

/** Profiles whose avcC ends with chroma format and bit depths (ISO 14496-15, 5.3.3.1.2). */
const EXTENDED_PROFILES = new Set([100, 110, 122, 144]);
const MAX_SPS = 31;
const MAX_PPS = 255;

/** A configuration with what its first sequence parameter set says. */
export interface DecoderConfig {
  readonly config: Buffer;
  readonly info: SpsInfo;
}

function sized(nal: Buffer): Buffer[] {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(nal.length);
  return [length, nal];
}

/**
 * AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1) with four-byte lengths.
 * @throws RangeError when the first SPS is cut short or a set does not fit.
 */
export function avcConfig(spsUnits: readonly Buffer[], ppsUnits: readonly Buffer[]): DecoderConfig {
  const sps = spsUnits[0];
  if (sps === undefined || spsUnits.length > MAX_SPS || ppsUnits.length > MAX_PPS)
    throw new RangeError('no avcC');
  const info = h264Sps(sps);
  const profile = sps.readUInt8(1);
  const parts = [
    Buffer.from([1, profile, sps.readUInt8(2), sps.readUInt8(3), 0xff, 0xe0 | spsUnits.length]),
    ...spsUnits.flatMap(sized),
    Buffer.from([ppsUnits.length]),
    ...ppsUnits.flatMap(sized),
  ];
  if (EXTENDED_PROFILES.has(profile)) {
    parts.push(
      Buffer.from([0xfc | info.chromaFormat, 0xf8 | (info.lumaDepth - 8), 0xf8 | (info.chromaDepth - 8), 0]),
    );
  }
  return { config: Buffer.concat(parts), info };
}

/** Parameter sets of an HEVC stream by kind. */
export interface HevcSets {
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

function array(type: number, units: readonly Buffer[]): Buffer[] {
  // array_completeness 0: samples repeat the sets and may bring others ('hev1').
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(units.length, 1);
  return [head, ...units.flatMap(sized)];
}

/**
 * HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1) with four-byte lengths.
 * @throws RangeError when the first SPS is cut short or a set does not fit.
 */
export function hevcConfig(sets: HevcSets): DecoderConfig {
  const sps = sets.sps[0];
  if (sps === undefined) throw new RangeError('no hvcC');
  const info = hevcSps(sps);
  const { layers, isNested } = hevcTemporalLayers(sps);
  const head = Buffer.from([
    ...[0xf0, 0, 0xfc, 0xfc | info.chromaFormat, 0xf8 | (info.lumaDepth - 8), 0xf8 | (info.chromaDepth - 8)],
    ...[0, 0, (layers << 3) | (isNested ? 4 : 0) | 3, 3],
  ]);
  const parts = [
    Buffer.from([1]),
    hevcGeneralProfile(sps),
    head,
    ...array(32, sets.vps),
    ...array(33, sets.sps),
    ...array(34, sets.pps),
  ];
  return { config: Buffer.concat(parts), info };
}
