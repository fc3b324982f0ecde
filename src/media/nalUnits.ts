const SPS = 7;
const PPS = 8;
const LENGTH_BYTES = 4;
/** NAL unit types 1 to 5 are slices (H.264 7.4.1): parameter sets of a picture come before its first one. */
const LAST_SLICE = 5;

interface ParameterSets {
  readonly sps: Buffer[];
  readonly pps: Buffer[];
}

/**
 * The avcC (ISO 14496-15, 5.3.3.1) in force from a key frame on whose own parameter sets are not all in `avcC`;
 * undefined when they are, or it has none. Never throws.
 * @param accessUnit NAL units with lengths of four bytes.
 */
export function changedAvcC(avcC: Buffer, accessUnit: Buffer): Buffer | undefined {
  const found = setsOf(accessUnit);
  const [first] = found.sps;
  if (first === undefined || first.length < 4 || found.pps.length === 0) return undefined;
  const isKnown = [...found.sps, ...found.pps].every((nal) => avcC.includes(nal));
  return isKnown ? undefined : avcCOf(found, first);
}

function setsOf(accessUnit: Buffer): ParameterSets {
  const found: ParameterSets = { sps: [], pps: [] };
  for (let at = 0; at + LENGTH_BYTES < accessUnit.length;) {
    const length = accessUnit.readUInt32BE(at);
    const start = at + LENGTH_BYTES;
    const type = accessUnit.readUInt8(start) & 31;
    if (length === 0 || start + length > accessUnit.length || (type > 0 && type <= LAST_SLICE)) break;
    if (type === SPS && found.sps.length < 31) found.sps.push(accessUnit.subarray(start, start + length));
    if (type === PPS && found.pps.length < 255) found.pps.push(accessUnit.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

/** Without the chroma fields that may follow for high profiles: readers take them from the SPS. */
function avcCOf({ sps, pps }: ParameterSets, first: Buffer): Buffer {
  const withLength = (nal: Buffer): Buffer[] => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Math.min(nal.length, 0xffff));
    return [length, nal.subarray(0, 0xffff)];
  };
  return Buffer.concat([
    Buffer.from([1]),
    first.subarray(1, 4),
    Buffer.from([0xff, 0xe0 | sps.length]),
    ...sps.flatMap(withLength),
    Buffer.from([pps.length]),
    ...pps.flatMap(withLength),
  ]);
}

/**
 * `accessUnit` (NAL units with lengths of four bytes) without zero bytes behind its last NAL unit, which ends with
 * none (H.264 7.4.1): FFmpeg takes the first zero of the next start code for a part of it. Its length is corrected
 * in place. Never throws.
 */
export function withoutTrailingZeros(accessUnit: Buffer): Buffer {
  let end = accessUnit.length;
  while (end > 0 && accessUnit[end - 1] === 0) end--;
  if (end === accessUnit.length) return accessUnit;
  for (let at = 0; at + LENGTH_BYTES < end;) {
    const next = at + LENGTH_BYTES + accessUnit.readUInt32BE(at);
    if (next === accessUnit.length) {
      accessUnit.writeUInt32BE(end - at - LENGTH_BYTES, at);
      return accessUnit.subarray(0, end);
    }
    at = next;
  }
  return accessUnit;
}
