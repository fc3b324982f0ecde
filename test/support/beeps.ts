import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packetsOf } from './packets.ts';

const run = promisify(execFile);
/** Louder than this is a beep. */
const THRESHOLD = 0.15;
/** A beep begins after this much quiet. */
const QUIET_MS = 300;

/** The decoded sound of a file: where it lies on the file's clock, in milliseconds, and how it sounds. */
export interface Sound {
  readonly startMs: number;
  readonly endMs: number;
  /** Beginnings of beeps. */
  readonly beepsMs: readonly number[];
}

/** Decodes the sound of a file, each frame placed where its time says; milliseconds from the first picture, if any. */
export async function soundOf(file: string): Promise<Sound> {
  const { stdout, stderr } = await run(
    'ffmpeg',
    [
      '-nostdin',
      '-hide_banner',
      '-copyts',
      '-i',
      file,
      '-map',
      '0:a',
      '-af',
      'aformat=channel_layouts=mono,ashowinfo',
    ].concat(['-c:a', 'pcm_f32le', '-f', 'f32le', '-']),
    { encoding: 'buffer', maxBuffer: 1 << 28 },
  );
  const originMs = await firstPictureMs(file);
  const frames = [...stderr.toString().matchAll(/pts_time:(\S+) .*?rate:(\d+) nb_samples:(\d+)/g)].map(
    (match) => ({
      ms: Number(match[1]) * 1000 - originMs,
      rate: Number(match[2]),
      samples: Number(match[3]),
    }),
  );
  const beepsMs: number[] = [];
  let lastLoudMs = -Infinity;
  let at = 0;
  for (const { ms, rate, samples } of frames) {
    for (let i = 0; i < samples; i++, at += 4) {
      if (Math.abs(stdout.readFloatLE(at)) < THRESHOLD) continue;
      const now = ms + (i * 1000) / rate;
      if (now - lastLoudMs > QUIET_MS) beepsMs.push(now);
      lastLoudMs = now;
    }
  }
  const last = frames.at(-1);
  return {
    startMs: frames[0]?.ms ?? NaN,
    endMs: last === undefined ? NaN : last.ms + (last.samples * 1000) / last.rate,
    beepsMs,
  };
}

async function firstPictureMs(file: string): Promise<number> {
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-of',
    'csv',
    '-show_entries',
    'stream=codec_type',
    file,
  ]);
  if (!stdout.includes('video')) return 0;
  return Math.min(...(await packetsOf(file, 'v')).map(({ pts }) => pts));
}
