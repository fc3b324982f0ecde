import type { Sample, Track } from '../domain/media.ts';
import { writeSize4 } from './ebml.ts';
import { codecDelayNs, matroskaHeader } from './matroskaHeader.ts';
import type { PipeWriter } from './pipeWriter.ts';

/**
 * One tick is 10 µs: less than half an audio sample, so FFmpeg finds every audio time exactly again and writes
 * frames of one length, where milliseconds would jitter. The price, a new cluster after 327 ms, is 22 bytes.
 */
const TICK_US = 10;
/**
 * Where the first sample lands, so that a sample of another track may come later and lie before it. An FFmpeg that
 * probes subtracts it again; for one that does not, the earliest sample of the first batch lands at 0.
 */
const PROBED_ORIGIN_TICKS = 10_000_000 / TICK_US;
/** Media up to this size is copied beside its header: cheaper than one more buffer in the write. */
const COPY_BELOW_BYTES = 2048;

const CLUSTER_ID = 0x1f43b675;
const TIMESTAMP_ID = 0xe7;
const SIMPLE_BLOCK_ID = 0xa3;
const TIMESTAMP_BYTES = 10;
const CLUSTER_HEAD_BYTES = 8 + TIMESTAMP_BYTES;
/** ID, size, track, relative time, flags. */
const BLOCK_HEAD_BYTES = 9;
/** Track, relative time, flags: what a block's size counts beside the media. */
const BLOCK_PREFIX_BYTES = 4;
const KEY_FLAG = 0x80;
const MAX_RELATIVE = 0x7fff;

/** How a track's samples become blocks. */
interface Target {
  readonly number: number;
  /** Added to the time: readers take the codec delay off again. */
  readonly delayTicks: number;
}

/** Consecutive samples that share a cluster. */
interface Cluster {
  readonly time: number;
  readonly from: number;
  to: number;
  bytes: number;
}

/** Writes live Matroska (RFC 9559): SimpleBlocks in clusters of known size within a segment of unknown size. */
export function matroskaWriter(tracks: readonly Track[], isProbed = true): PipeWriter {
  return new MatroskaWriter(tracks, isProbed ? PROBED_ORIGIN_TICKS : 0);
}

class MatroskaWriter implements PipeWriter {
  readonly #tracks: readonly Track[];
  readonly #targets: ReadonlyMap<number, Target>;
  readonly #originTicks: number;
  #shift: number | undefined;

  constructor(tracks: readonly Track[], originTicks: number) {
    this.#tracks = tracks;
    this.#originTicks = originTicks;
    this.#targets = new Map(
      tracks.map((track, i) => [
        track.id,
        { number: i + 1, delayTicks: Math.round(codecDelayNs(track) / (TICK_US * 1000)) },
      ]),
    );
  }

  header(): Buffer {
    return matroskaHeader(this.#tracks, TICK_US * 1000);
  }

  batch(samples: readonly Sample[]): Buffer[] {
    const clusters = this.#plan(samples);
    let slabBytes = clusters.length * CLUSTER_HEAD_BYTES;
    for (const { data } of samples) {
      slabBytes += BLOCK_HEAD_BYTES + (data.length < COPY_BELOW_BYTES ? data.length : 0);
    }
    const slab = Buffer.allocUnsafeSlow(slabBytes);
    const out: Buffer[] = [];
    let from = 0;
    let at = 0;
    for (const cluster of clusters) {
      at = writeClusterHead(slab, at, cluster);
      for (let i = cluster.from; i < cluster.to; i++) {
        const sample = samples[i] as Sample;
        at = this.#writeBlockHead(slab, at, sample, cluster.time);
        if (sample.data.length < COPY_BELOW_BYTES) {
          at += sample.data.copy(slab, at);
        } else {
          out.push(slab.subarray(from, at), sample.data);
          from = at;
        }
      }
    }
    if (at > from) out.push(slab.subarray(from, at));
    return out;
  }

  /** Splits the batch where a time would leave the 16 bits it has within its cluster. */
  #plan(samples: readonly Sample[]): Cluster[] {
    const clusters: Cluster[] = [];
    let cluster: Cluster | undefined;
    if (samples.length > 0) this.#shift ??= this.#originTicks - earliestTicks(samples);
    samples.forEach((sample, i) => {
      const time = this.#blockTime(sample);
      if (cluster === undefined || Math.abs(time - cluster.time) > MAX_RELATIVE) {
        cluster = { time, from: i, to: i, bytes: TIMESTAMP_BYTES };
        clusters.push(cluster);
      }
      cluster.to = i + 1;
      cluster.bytes += BLOCK_HEAD_BYTES + sample.data.length;
    });
    return clusters;
  }

  /** Presentation time in ticks, never below 0. */
  #blockTime(sample: Sample): number {
    const time = Math.round(sample.pts / TICK_US);
    return Math.max(0, time + (this.#shift ?? 0) + this.#target(sample).delayTicks);
  }

  #target(sample: Sample): Target {
    const target = this.#targets.get(sample.trackId);
    if (target === undefined) throw new Error(`sample of undeclared track ${sample.trackId}`);
    return target;
  }

  #writeBlockHead(slab: Buffer, start: number, sample: Sample, clusterTime: number): number {
    let at = slab.writeUInt8(SIMPLE_BLOCK_ID, start);
    at = writeSize4(slab, at, BLOCK_PREFIX_BYTES + sample.data.length);
    at = slab.writeUInt8(0x80 | this.#target(sample).number, at);
    at = slab.writeInt16BE(this.#blockTime(sample) - clusterTime, at);
    return slab.writeUInt8(sample.key ? KEY_FLAG : 0, at);
  }
}

function earliestTicks(samples: readonly Sample[]): number {
  return samples.reduce((least, { pts }) => Math.min(least, Math.round(pts / TICK_US)), Infinity);
}

function writeClusterHead(slab: Buffer, start: number, cluster: Cluster): number {
  let at = slab.writeUInt32BE(CLUSTER_ID, start);
  at = writeSize4(slab, at, cluster.bytes);
  at = slab.writeUInt16BE((TIMESTAMP_ID << 8) | (0x80 | 8), at);
  at = slab.writeUInt32BE(Math.floor(cluster.time / 2 ** 32), at);
  return slab.writeUInt32BE(cluster.time % 2 ** 32, at);
}
