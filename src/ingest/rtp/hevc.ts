import { BitReader } from '../../media/bitReader.ts';
import { hevcConfig } from '../../media/decoderConfig.ts';
import type { Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { NalDepacketiser, type NalFormat, type NalRole, type NalSink } from './nalDepacketiser.ts';
import { ParameterSets, type ParameterSetCodec } from './parameterSets.ts';

const FIRST_IRAP = 16;
const LAST_IRAP = 21;
const LAST_SLICE = 31;
const VPS = 32;
const PPS = 34;
const ACCESS_UNIT_DELIMITER = 35;
const FILLER = 38;
const PREFIX_SEI = 39;
const AGGREGATION = 48;
const FRAGMENTATION = 49;
const HEADER_BYTES = 2;
const ID_BYTES = 8;
/** NAL units besides IRAP slices that a key frame may begin with. */
const KEY_STARTS = new Set([VPS, ACCESS_UNIT_DELIMITER, PREFIX_SEI]);

const NO_HEADER = Buffer.alloc(0);

function typeOf(nal: Buffer): number {
  return ((nal[0] ?? 0) >> 1) & 63;
}

const SETS: ParameterSetCodec = {
  kinds: 3,
  kindOf(nal) {
    const type = typeOf(nal);
    return type >= VPS && type <= PPS ? type - VPS : -1;
  },
  idOf(nal) {
    const bits = new BitReader(nal.subarray(HEADER_BYTES, HEADER_BYTES + ID_BYTES));
    // sps_seq_parameter_set_id stands behind profiles of varying length: one SPS at a time is what encoders send.
    if (typeOf(nal) === PPS) return bits.ue();
    return typeOf(nal) === VPS ? bits.bits(4) : 0;
  },
  describe([vps = [], sps = [], pps = []]) {
    const { config, info } = hevcConfig({ vps, sps, pps });
    return { codec: 'hevc', config, width: info.width, height: info.height, reorderDepth: info.reorderDepth };
  },
};

function roleOf(nal: Buffer): NalRole {
  const type = typeOf(nal);
  if (type >= FIRST_IRAP && type <= LAST_IRAP) return 'keySlice';
  if (type <= LAST_SLICE) return 'slice';
  if (type <= PPS) return 'parameterSet';
  return type === ACCESS_UNIT_DELIMITER || type === FILLER ? 'ignored' : 'other';
}

/** Aggregation packet (RFC 7798, 4.4.2). */
function splitAggregation(payload: Buffer, sink: NalSink, hasOrder: boolean): void {
  let at = HEADER_BYTES;
  let orderBytes = hasOrder ? 2 : 0;
  while (at + orderBytes + 2 < payload.length) {
    const start = at + orderBytes + 2;
    const end = start + payload.readUInt16BE(start - 2);
    if (end > payload.length || end < start + HEADER_BYTES) break;
    sink.unit(payload.subarray(start, end));
    at = end;
    orderBytes = hasOrder ? 1 : 0;
  }
  if (at !== payload.length) sink.malformed();
}

/** Fragmentation unit (RFC 7798, 4.4.3). */
function splitFragment(payload: Buffer, sink: NalSink, hasOrder: boolean): void {
  const head = payload[HEADER_BYTES] ?? 0;
  const isStart = (head & 0x80) !== 0;
  const start = HEADER_BYTES + 1 + (hasOrder && isStart ? 2 : 0);
  if (payload.length <= start) {
    sink.malformed();
    return;
  }
  const first = ((payload[0] ?? 0) & 0x81) | ((head & 63) << 1);
  const header = isStart ? Buffer.from([first, payload[1] ?? 0]) : NO_HEADER;
  sink.fragment(header, payload.subarray(start), { isStart, isEnd: (head & 0x40) !== 0 });
}

/** `hasOrder`: decoding order numbers stand in the payload (RFC 7798, 4.4.1); units are taken as already in order. */
function splitter(hasOrder: boolean): NalFormat['split'] {
  return (payload, sink) => {
    const type = typeOf(payload);
    if (payload.length <= HEADER_BYTES) sink.malformed();
    else if (type === AGGREGATION) splitAggregation(payload, sink, hasOrder);
    else if (type === FRAGMENTATION) splitFragment(payload, sink, hasOrder);
    else if (type > FRAGMENTATION) sink.malformed();
    else if (!hasOrder) sink.unit(payload);
    else if (payload.length <= 4) sink.malformed();
    else sink.unit(Buffer.concat([payload.subarray(0, HEADER_BYTES), payload.subarray(4)]));
  };
}

/** Type of the first NAL unit that a payload begins; -1 inside a fragmented one. */
function firstType(payload: Buffer, hasOrder: boolean): number {
  const type = typeOf(payload);
  if (type === AGGREGATION) return typeOf(payload.subarray(HEADER_BYTES + 2 + (hasOrder ? 2 : 0)));
  const head = payload[HEADER_BYTES] ?? 0;
  if (type === FRAGMENTATION) return (head & 0x80) !== 0 ? head & 63 : -1;
  return type;
}

/** Access units of HEVC (RFC 7798). */
export function hevcDepacketiser(init: DepacketiserInit, output: DepacketiserOutput): Depacketiser {
  const parameterSets = new ParameterSets(SETS);
  for (const name of ['sprop-vps', 'sprop-sps', 'sprop-pps']) {
    for (const text of (init.fmtp.get(name) ?? '').split(',')) parameterSets.add(Buffer.from(text, 'base64'));
  }
  parameterSets.beginUnit();
  parameterSets.endPicture();
  const hasOrder = Number(init.fmtp.get('sprop-max-don-diff') ?? 0) > 0;
  const format: NalFormat = {
    parameterSets,
    split: splitter(hasOrder),
    role: roleOf,
    // first_slice_segment_in_pic_flag
    isFirstSlice: (nal) => ((nal[HEADER_BYTES] ?? 0) & 0x80) !== 0,
    startsKeyFrame(payload) {
      const type = firstType(payload, hasOrder);
      return KEY_STARTS.has(type) || (type >= FIRST_IRAP && type <= LAST_IRAP && parameterSets.areKnown);
    },
  };
  return new NalDepacketiser(format, init, output);
}
