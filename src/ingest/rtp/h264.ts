import { BitReader } from '../../media/bitReader.ts';
import { avcConfig } from '../../media/decoderConfig.ts';
import type { Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { NalDepacketiser, type NalFormat, type NalRole, type NalSink } from './nalDepacketiser.ts';
import { ParameterSets, type ParameterSetCodec } from './parameterSets.ts';

const IDR = 5;
const SPS = 7;
const PPS = 8;
const ACCESS_UNIT_DELIMITER = 9;
const FILLER = 12;
const SEI = 6;
const STAP_A = 24;
const FU_A = 28;
/** A NAL unit's sps_id stands behind profile, constraints and level. */
const SPS_ID_OFFSET = 4;
const ID_BYTES = 8;
/** NAL units that a key frame may begin with. */
const KEY_STARTS = new Set([SEI, SPS, ACCESS_UNIT_DELIMITER]);

const NO_HEADER = Buffer.alloc(0);

const SETS: ParameterSetCodec = {
  kinds: 2,
  kindOf(nal) {
    const type = (nal[0] ?? 0) & 31;
    return type === SPS ? 0 : type === PPS ? 1 : -1;
  },
  idOf(nal) {
    const at = ((nal[0] ?? 0) & 31) === SPS ? SPS_ID_OFFSET : 1;
    return new BitReader(nal.subarray(at, at + ID_BYTES)).ue();
  },
  describe([sps = [], pps = []]) {
    const { config, info } = avcConfig(sps, pps);
    return { codec: 'h264', config, width: info.width, height: info.height, reorderDepth: info.reorderDepth };
  },
};

function roleOf(nal: Buffer): NalRole {
  const type = (nal[0] ?? 0) & 31;
  if (type === IDR) return 'keySlice';
  if (type >= 1 && type <= 4) return 'slice';
  if (type === SPS || type === PPS) return 'parameterSet';
  // Delimiters would stand behind parameter sets put in front; filler is not for files (ISO 14496-15, 5.3.2).
  return type === ACCESS_UNIT_DELIMITER || type === FILLER ? 'ignored' : 'other';
}

/** Single-time aggregation packet (RFC 6184, 5.7.1). */
function splitStapA(payload: Buffer, sink: NalSink): void {
  let at = 1;
  while (at + 2 < payload.length) {
    const end = at + 2 + payload.readUInt16BE(at);
    if (end > payload.length || end === at + 2) break;
    sink.unit(payload.subarray(at + 2, end));
    at = end;
  }
  if (at !== payload.length) sink.malformed();
}

/** Fragmentation unit (RFC 6184, 5.8). */
function splitFuA(payload: Buffer, sink: NalSink): void {
  const head = payload[1];
  if (head === undefined || payload.length < 3) {
    sink.malformed();
    return;
  }
  const isStart = (head & 0x80) !== 0;
  const header = isStart ? Buffer.from([((payload[0] ?? 0) & 0xe0) | (head & 31)]) : NO_HEADER;
  sink.fragment(header, payload.subarray(2), { isStart, isEnd: (head & 0x40) !== 0 });
}

function split(payload: Buffer, sink: NalSink): void {
  const type = (payload[0] ?? 0) & 31;
  if (type >= 1 && type < STAP_A) sink.unit(payload);
  else if (type === STAP_A) splitStapA(payload, sink);
  else if (type === FU_A) splitFuA(payload, sink);
  // STAP-B, MTAP and FU-B belong to interleaved mode, which is never negotiated (RFC 6184, 5.4).
  else sink.malformed();
}

/** Type of the first NAL unit that a payload begins; 0 inside a fragmented one. */
function firstType(payload: Buffer): number {
  const type = (payload[0] ?? 0) & 31;
  if (type === STAP_A) return (payload[3] ?? 0) & 31;
  const head = payload[1] ?? 0;
  if (type === FU_A) return (head & 0x80) !== 0 ? head & 31 : 0;
  return type;
}

/** Access units of H.264 in packetization modes 0 and 1 (RFC 6184). */
export function h264Depacketiser(init: DepacketiserInit, output: DepacketiserOutput): Depacketiser {
  const parameterSets = new ParameterSets(SETS);
  for (const text of (init.fmtp.get('sprop-parameter-sets') ?? '').split(',')) {
    parameterSets.add(Buffer.from(text, 'base64'));
  }
  parameterSets.beginUnit();
  parameterSets.endPicture();
  const format: NalFormat = {
    parameterSets,
    split,
    role: roleOf,
    // first_mb_in_slice is 0: the Exp-Golomb code of one set bit.
    isFirstSlice: (nal) => ((nal[1] ?? 0) & 0x80) !== 0,
    startsKeyFrame(payload) {
      const type = firstType(payload);
      return KEY_STARTS.has(type) || (type === IDR && parameterSets.areKnown);
    },
  };
  return new NalDepacketiser(format, init, output);
}
