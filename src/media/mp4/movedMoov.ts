import {
  boxes,
  byteLength,
  findBox,
  makeBox,
  Mp4Error,
  needBox,
  readU64,
  rewriteBox,
  u64,
  words,
  type Box,
} from './boxes.ts';

const U32_MAX = 2 ** 32 - 1;

/** `stco` or `co64` (ISO 14496-12, 8.7.5). */
function offsetsIn(moov: Buffer, box: Box): number[] {
  const width = box.type === 'co64' ? 8 : 4;
  const count = moov.readUInt32BE(box.body + 4);
  if (box.body + 8 + count * width !== box.end) throw new Mp4Error('corrupt', `${box.type} of ${count}`);
  const at = (i: number): number => box.body + 8 + i * width;
  return Array.from({ length: count }, (_, i) =>
    width === 8 ? readU64(moov, at(i)) : moov.readUInt32BE(at(i)),
  );
}

/** The `moov` with every chunk `by` bytes further behind; `wide` gives all tracks 64-bit offsets. */
function shifted(moov: Buffer, root: Box, by: number, wide: boolean): Buffer[] {
  const table = (box: Box): Buffer[] => {
    const offsets = offsetsIn(moov, box).map((offset) => offset + by);
    const isWide = wide || box.type === 'co64';
    const entries = isWide ? Buffer.concat(offsets.map(u64)) : words(...offsets);
    return makeBox(isWide ? 'co64' : 'stco', words(0, offsets.length), entries);
  };
  const within =
    (name: string, inner: (box: Box) => Buffer[]) =>
    (box: Box): Buffer[] =>
      rewriteBox(moov, box, { [name]: inner });
  const stbl = (box: Box): Buffer[] => rewriteBox(moov, box, { stco: table, co64: table });
  return rewriteBox(moov, root, { trak: within('mdia', within('minf', within('stbl', stbl))) });
}

/**
 * The `moov` of a plain file as it is where it stands before all media: every chunk lies further behind by its length.
 * @throws Mp4Error `corrupt`.
 */
export function moovBeforeMedia(moov: Buffer): Buffer[] {
  try {
    const [root] = boxes(moov, 0, moov.length);
    if (root === undefined) throw new Mp4Error('corrupt', 'moov is empty');
    const wide = byteLength(shifted(moov, root, 0, true));
    // With 32-bit offsets that would become too large all get 64 bits, which makes the box itself longer.
    return lastOffset32(moov, root) + moov.length > U32_MAX
      ? shifted(moov, root, wide, true)
      : shifted(moov, root, moov.length, false);
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('corrupt', `moov: ${error.message}`);
    throw error;
  }
}

/** The largest chunk offset that has 32 bits. */
function lastOffset32(moov: Buffer, root: Box): number {
  let last = 0;
  for (const trak of boxes(moov, root.body, root.end)) {
    if (trak.type !== 'trak') continue;
    const stco = findBox(moov, needBox(moov, trak, 'mdia', 'minf', 'stbl'), 'stco');
    if (stco !== undefined) for (const offset of offsetsIn(moov, stco)) last = Math.max(last, offset);
  }
  return last;
}
