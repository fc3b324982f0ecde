import { boxes, findBox, Mp4Error, needBox, readU64, type Box } from './boxes.ts';
import { timeHeader } from './timeHeader.ts';

/** What a `moov` says about one track. */
export interface MovieTrack {
  readonly id: number;
  readonly kind: 'video' | 'audio' | 'other';
  /** Ticks per second of the media. */
  readonly timescale: number;
  /** In ticks of the movie. */
  readonly duration: number;
  /** Samples listed in the `moov` itself; 0 in a fragmented file. */
  readonly samples: number;
  /** Sum of their sizes. */
  readonly sampleBytes: number;
  /** Empty time before the track, in ticks of the movie. */
  readonly delay: number;
  /** Media time that is shown first, in ticks of the media. */
  readonly mediaTime: number;
  /** Values a fragment leaves out (ISO 14496-12, 8.8.3); undefined in a plain file. */
  readonly defaults: TrackDefaults | undefined;
  readonly box: Box;
}

/** `trex`. */
export interface TrackDefaults {
  readonly description: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** A parsed `moov`. */
export interface Movie {
  /** The box itself, header included. */
  readonly bytes: Buffer;
  readonly box: Box;
  /** Ticks per second of movie times. */
  readonly timescale: number;
  /** In ticks of the movie. */
  readonly duration: number;
  /** True when samples come in fragments. */
  readonly fragmented: boolean;
  readonly tracks: readonly MovieTrack[];
}

const KINDS: Readonly<Record<string, 'video' | 'audio'>> = { vide: 'video', soun: 'audio' };

function readDefaults(moov: Buffer, mvex: Box | undefined): Map<number, TrackDefaults> {
  const defaults = new Map<number, TrackDefaults>();
  if (mvex === undefined) return defaults;
  for (const box of boxes(moov, mvex.body, mvex.end)) {
    if (box.type !== 'trex') continue;
    const word = (i: number) => moov.readUInt32BE(box.body + i * 4);
    defaults.set(word(1), { description: word(2), duration: word(3), size: word(4), flags: word(5) });
  }
  return defaults;
}

/** Leading empty edits and the first media edit (ISO 14496-12, 8.6.6); later edits are not FFmpeg's. */
function readEdits(moov: Buffer, trak: Box): { delay: number; mediaTime: number } {
  const edts = findBox(moov, trak, 'edts');
  const elst = edts && findBox(moov, edts, 'elst');
  if (elst === undefined) return { delay: 0, mediaTime: 0 };
  const wide = moov.readUInt8(elst.body) === 1;
  const field = wide ? 8 : 4;
  let delay = 0;
  for (let at = elst.body + 8; at + 2 * field + 4 <= elst.end; at += 2 * field + 4) {
    const empty = moov.readInt32BE(at + field) === -1;
    if (!empty) {
      const mediaTime = wide ? readU64(moov, at + field) : moov.readUInt32BE(at + field);
      return { delay, mediaTime };
    }
    delay += wide ? readU64(moov, at) : moov.readUInt32BE(at);
  }
  return { delay, mediaTime: 0 };
}

/** `stsz` holds one size for all samples, or one for each (ISO 14496-12, 8.7.3). */
function sumOfSizes(moov: Buffer, { body }: Box): number {
  const [size, count] = [moov.readUInt32BE(body + 4), moov.readUInt32BE(body + 8)];
  if (size !== 0) return size * count;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += moov.readUInt32BE(body + 12 + i * 4);
  return sum;
}

function readTrack(moov: Buffer, trak: Box, defaults: ReadonlyMap<number, TrackDefaults>): MovieTrack {
  const header = timeHeader(moov, needBox(moov, trak, 'tkhd'));
  const timescale = timeHeader(moov, needBox(moov, trak, 'mdia', 'mdhd')).middle.readUInt32BE();
  if (timescale === 0) throw new Mp4Error('corrupt', 'mdhd has timescale 0');
  const handler = needBox(moov, trak, 'mdia', 'hdlr');
  const sizes = needBox(moov, trak, 'mdia', 'minf', 'stbl', 'stsz');
  const id = header.middle.readUInt32BE();
  return {
    id,
    kind: KINDS[moov.toString('latin1', handler.body + 8, handler.body + 12)] ?? 'other',
    timescale,
    duration: header.duration,
    samples: moov.readUInt32BE(sizes.body + 8),
    sampleBytes: sumOfSizes(moov, sizes),
    ...readEdits(moov, trak),
    defaults: defaults.get(id),
    box: trak,
  };
}

function parse(bytes: Buffer): Movie {
  const [box] = boxes(bytes, 0, bytes.length);
  if (box === undefined) throw new Mp4Error('corrupt', 'moov is empty');
  const header = timeHeader(bytes, needBox(bytes, box, 'mvhd'));
  const timescale = header.middle.readUInt32BE();
  if (timescale === 0) throw new Mp4Error('corrupt', 'mvhd has timescale 0');
  const mvex = findBox(bytes, box, 'mvex');
  const defaults = readDefaults(bytes, mvex);
  const tracks: MovieTrack[] = [];
  for (const child of boxes(bytes, box.body, box.end)) {
    if (child.type === 'trak') tracks.push(readTrack(bytes, child, defaults));
  }
  return { bytes, box, timescale, duration: header.duration, fragmented: mvex !== undefined, tracks };
}

/** Parses a `moov`, header included. @throws Mp4Error `corrupt`. */
export function readMovie(bytes: Buffer): Movie {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error('corrupt', `moov: ${error.message}`);
    throw error;
  }
}
