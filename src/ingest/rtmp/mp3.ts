/** Samples per second by version bits (MPEG 2.5, reserved, MPEG 2, MPEG 1) and rate index (ISO 11172-3, 2.4.2.3). */
const RATES: readonly (readonly number[])[] = [
  [11_025, 12_000, 8_000],
  [],
  [22_050, 24_000, 16_000],
  [44_100, 48_000, 32_000],
];
const MONO = 3;

/** Format in the header of an MPEG audio frame; undefined when it does not begin with one. */
export function mp3Format(frame: Buffer): { sampleRate: number; channels: number } | undefined {
  if (frame.length < 4 || frame.readUInt16BE(0) < 0xffe0) return undefined;
  const sampleRate = RATES[(frame.readUInt8(1) >> 3) & 3]?.[(frame.readUInt8(2) >> 2) & 3];
  const channels = frame.readUInt8(3) >> 6 === MONO ? 1 : 2;
  return sampleRate === undefined ? undefined : { sampleRate, channels };
}
