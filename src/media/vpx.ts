import { BitReader } from './bitReader.ts';
import { UNKNOWN_SIZE, type VideoSize } from './videoSize.ts';

const VP8_START_CODE = 0x9d012a;
const VP9_SYNC_CODE = 0x498342;
const VP9_RGB = 7;

/** Size from a VP8 key frame (RFC 6386, 9.1). @throws RangeError when cut short. */
export function vp8Size(frame: Buffer): VideoSize {
  if ((frame.readUInt8(0) & 1) !== 0 || frame.readUIntBE(3, 3) !== VP8_START_CODE) return UNKNOWN_SIZE;
  return { width: frame.readUInt16LE(6) & 0x3fff, height: frame.readUInt16LE(8) & 0x3fff };
}

/** Size from a VP9 key frame's uncompressed header (VP9 bitstream 6.2). @throws RangeError when cut short. */
export function vp9Size(frame: Buffer): VideoSize {
  const bits = new BitReader(frame);
  if (bits.bits(2) !== 2) return UNKNOWN_SIZE;
  const profile = bits.bit() + bits.bit() * 2;
  if (profile === 3) bits.skip(1);
  const showExisting = bits.flag();
  if (showExisting || bits.flag()) return UNKNOWN_SIZE;
  bits.skip(2);
  if (bits.bits(24) !== VP9_SYNC_CODE) return UNKNOWN_SIZE;
  if (profile >= 2) bits.skip(1);
  const subsamplingCoded = profile % 2 === 1;
  if (bits.bits(3) === VP9_RGB) bits.skip(subsamplingCoded ? 1 : 0);
  else bits.skip(subsamplingCoded ? 4 : 1);
  return { width: bits.bits(16) + 1, height: bits.bits(16) + 1 };
}
