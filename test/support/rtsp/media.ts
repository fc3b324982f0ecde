import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/recorderd-pull');

/** A moving picture and a tone for `seconds`, 25 frames per second, a key frame each second. */
export function testSource(seconds: number, encode: readonly string[], extension = 'mp4'): string {
  const args = [
    ...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${seconds}`],
    ...['-pix_fmt', 'yuv420p', '-g', '25', '-threads', '1', ...encode],
  ];
  const recipe = createHash('sha256').update(args.join('\n')).digest('hex').slice(0, 12);
  const path = join(CACHE, `${recipe}.${extension}`);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = join(CACHE, `.${process.pid}.${recipe}.${extension}`);
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, unfinished]);
  renameSync(unfinished, path);
  return path;
}

/** x264 with two B-frames and AAC. */
export const H264_AAC = ['-c:v', 'libx264', '-preset', 'veryfast', '-sc_threshold', '0', '-bf', '2'].concat([
  ...['-b_strategy', '0', '-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
]);
