import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SAMPLE_RATE = 48_000;
/** Luma between the pictures of the source, all below 120, and its white flash. */
const FLASH_LUMA = 180;
/** What the source shows white. */
const FLASH_S = 0.12;
/** Between two pictures of the source. */
const FRAME_S = 0.04;
/** Share of the loudest sound in the file that begins a beep. */
const BEEP_LEVEL = 0.25;
/** A beep is over after so long a silence; it lasts 100 ms itself. */
const BEEP_GAP_S = 0.2;
/** Farther apart than this a beep does not belong to a flash. */
const PAIR_S = 0.45;

/** A flash began after the picture before it; where pictures are missing there, when is not to be seen. Seconds. */
export interface Flash {
  readonly atS: number;
  readonly earliestS: number;
}

/** A flash that has its beep. */
export interface FlashAndBeep {
  /** Begin of the flash, in seconds from the beginning of the file. */
  readonly atS: number;
  /** Milliseconds from the flash to the beep, positive when the sound is late. */
  readonly offsetMs: number;
}

/** How sound lies beside the picture in a recording of flashes and beeps. */
export interface AvSync {
  readonly flashes: readonly Flash[];
  readonly beeps: readonly number[];
  readonly pairs: readonly FlashAndBeep[];
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Measures a recording. @throws when it holds no flash with a beep. */
export async function measureAvSync(file: string): Promise<AvSync> {
  const [flashes, beeps] = [await flashesOf(file), await beepsOf(file)];
  const pairs = flashes.flatMap(({ atS, earliestS }) => {
    const nearest = beeps.reduce(
      (best, beep) => (Math.abs(beep - atS) < Math.abs(best - atS) ? beep : best),
      Infinity,
    );
    const offsetS = nearest < atS ? Math.min(0, nearest - earliestS) : nearest - atS;
    return Math.abs(nearest - atS) < PAIR_S ? [{ atS, offsetMs: offsetS * 1000 }] : [];
  });
  if (pairs.length === 0)
    throw new Error(`${file}: ${flashes.length} flashes, ${beeps.length} beeps, none together`);
  const sorted = pairs.map((pair) => pair.offsetMs).toSorted((a, b) => a - b);
  return {
    flashes,
    beeps,
    pairs,
    medianMs: sorted[Math.floor(sorted.length / 2)]!,
    minMs: sorted[0]!,
    maxMs: sorted.at(-1)!,
  };
}

/** Presentation times at which the picture turns white. */
async function flashesOf(file: string): Promise<Flash[]> {
  const filter =
    'scale=16:16:flags=area,format=gray,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-';
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-nostdin', '-i', file, '-map', '0:v', '-vf', filter, '-f', 'null', '-'],
    { maxBuffer: 1 << 28 },
  );
  const flashes: Flash[] = [];
  let since: Flash | undefined;
  let wasWhite = true;
  let beforeS = -Infinity;
  for (const [, time, luma] of stdout.matchAll(/pts_time:(\S+)\s+lavfi\.signalstats\.YAVG=(\S+)/g)) {
    const isWhite = Number(luma) > FLASH_LUMA;
    const atS = Number(time);
    if (isWhite && !wasWhite) since = { atS, earliestS: Math.min(atS, beforeS + FRAME_S) };
    // An encoder that has few bits leaves out frames: the one at the beginning, or the one after the end.
    if (!isWhite && since !== undefined) {
      const latestS = Math.min(since.atS, atS - FLASH_S);
      flashes.push({ atS: latestS, earliestS: Math.min(since.earliestS, latestS) });
    }
    if (!isWhite) since = undefined;
    wasWhite = isWhite;
    beforeS = atS;
  }
  return flashes;
}

/** Presentation times at which a beep begins. Gaps between packets are silence, so that samples count time. */
async function beepsOf(file: string): Promise<number[]> {
  const filter = `aresample=${SAMPLE_RATE}:async=1:min_hard_comp=0.001:first_pts=0`;
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-v', 'error', '-nostdin', '-i', file, '-map', '0:a', '-af', filter],
      ...['-ac', '1', '-c:a', 'pcm_f32le', '-f', 'f32le', '-'],
    ],
    { maxBuffer: 1 << 30, encoding: 'buffer' },
  );
  return onsets(
    new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.byteLength)),
  );
}

function onsets(samples: Float32Array): number[] {
  let loudest = 0;
  for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
  if (loudest < 0.01) return [];
  const begins: number[] = [];
  let lastLoud = -Infinity;
  for (const [at, sample] of samples.entries()) {
    if (Math.abs(sample) < loudest * BEEP_LEVEL) continue;
    // A file that begins within a beep does not show when that one began.
    if (at - lastLoud > BEEP_GAP_S * SAMPLE_RATE && at > 0) begins.push(at / SAMPLE_RATE);
    lastLoud = at;
  }
  return begins;
}
