import { BitReader } from './bitReader.ts';
import { UNKNOWN_SIZE, type VideoSize } from './videoSize.ts';

const SEQUENCE_HEADER = 1;
const AV1C_HEADER_BYTES = 4;

/** leb128 of AV1 4.10.5: [value, bytes]. @throws RangeError when cut short or longer than 8 bytes. */
function leb128(bytes: Buffer, offset: number): readonly [number, number] {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes.readUInt8(offset + i);
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return [value, i + 1];
  }
  throw new RangeError('leb128 too long');
}

/** Skips uvlc() of AV1 4.10.3. */
function skipUvlc(bits: BitReader): void {
  let zeros = 0;
  while (!bits.flag()) zeros++;
  if (zeros < 32) bits.skip(zeros);
}

/** Skips timing_info and decoder_model_info; returns the bits of a buffer delay, 0 without a decoder model. */
function skipTiming(bits: BitReader): number {
  if (!bits.flag()) return 0;
  bits.skip(64);
  if (bits.flag()) skipUvlc(bits);
  if (!bits.flag()) return 0;
  const delayBits = bits.bits(5) + 1;
  bits.skip(42);
  return delayBits;
}

function skipOperatingPoints(bits: BitReader): void {
  const delayBits = skipTiming(bits);
  const displayDelay = bits.flag();
  for (let left = bits.bits(5); left >= 0; left--) {
    bits.skip(12);
    if (bits.bits(5) > 7) bits.skip(1);
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (displayDelay && bits.flag()) bits.skip(4);
  }
}

/** Largest frame size of a sequence header OBU (AV1 5.5.1). */
function sequenceHeaderSize(payload: Buffer): VideoSize {
  const bits = new BitReader(payload);
  bits.skip(4);
  if (bits.flag()) bits.skip(5);
  else skipOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.bits(4) + 1, bits.bits(4) + 1];
  return { width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1 };
}

/** Size from the first sequence header among `obus` (AV1 5.3.1). @throws RangeError when cut short. */
function obuSize(obus: Buffer): VideoSize {
  let offset = 0;
  while (offset < obus.length) {
    const header = obus.readUInt8(offset);
    offset += (header & 4) === 0 ? 1 : 2;
    const [size, sizeBytes] = (header & 2) === 0 ? [obus.length - offset, 0] : leb128(obus, offset);
    offset += sizeBytes;
    if (((header >> 3) & 15) === SEQUENCE_HEADER)
      return sequenceHeaderSize(obus.subarray(offset, offset + size));
    offset += size;
  }
  return UNKNOWN_SIZE;
}

/** Size from av1C's configOBUs (AV1 in ISOBMFF 2.3.3), else from the key frame. @throws RangeError when cut short. */
export function av1Size(av1C: Buffer, keyFrame: Buffer): VideoSize {
  const size = obuSize(av1C.subarray(AV1C_HEADER_BYTES));
  return size === UNKNOWN_SIZE ? obuSize(keyFrame) : size;
}
