import { BitReader } from './bitReader.ts';

const SAMPLE_RATES = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
] as const;
/** Channels by channelConfiguration (ISO 23001-8, table 8); 0 means "in the program config element". */
const CHANNELS: Readonly<Record<number, number>> = {
  1: 1,
  2: 2,
  3: 3,
  4: 4,
  5: 5,
  6: 6,
  7: 8,
  11: 7,
  12: 8,
  14: 8,
};
const ESCAPE_OBJECT = 31;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const EXPLICIT_RATE = 15;

/** What an AudioSpecificConfig says. */
export interface AacFormat {
  /** Rate of the AAC core in Hz: a frame of 1024 samples lasts 1024 / sampleRate seconds. */
  readonly sampleRate: number;
  /** Channels of the core; parametric stereo makes two of one. */
  readonly channels: number;
  /** Rate after SBR in Hz when SBR is signalled hierarchically. */
  readonly outputRate: number | undefined;
}

function objectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === ESCAPE_OBJECT ? 32 + bits.bits(6) : type;
}

function sampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  return index === EXPLICIT_RATE ? bits.bits(24) : (SAMPLE_RATES[index] ?? 0);
}

/** Channels of the program_config_element (ISO 14496-3, 4.4.1.1) inside the GASpecificConfig that follows. */
function programChannels(bits: BitReader): number {
  bits.skip(1);
  if (bits.flag()) bits.skip(14);
  bits.skip(1 + 10);
  const elements = bits.bits(4) + bits.bits(4) + bits.bits(4);
  const lfe = bits.bits(2);
  bits.skip(3 + 4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(3);
  let channels = lfe;
  for (let i = 0; i < elements; i++) {
    channels += 1 + bits.bit();
    bits.skip(4);
  }
  return channels;
}

/**
 * Parses an AudioSpecificConfig (ISO 14496-3, 1.6.2.1); undefined when rate or channels are reserved values.
 * @throws RangeError when cut short.
 */
export function aacFormat(config: Buffer): AacFormat | undefined {
  const bits = new BitReader(config);
  const type = objectType(bits);
  const coreRate = sampleRate(bits);
  const layout = bits.bits(4);
  const extended = type === SBR || type === PARAMETRIC_STEREO;
  const outputRate = extended ? sampleRate(bits) : undefined;
  if (extended) objectType(bits);
  const channels = layout === 0 ? programChannels(bits) : (CHANNELS[layout] ?? 0);
  return coreRate > 0 && channels > 0 ? { sampleRate: coreRate, channels, outputRate } : undefined;
}
