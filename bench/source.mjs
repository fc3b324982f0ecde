// The stream every publisher sends: 1280x720, 25 fps, H.264 CBR 2 Mbit/s, a key frame every 2 s, no B-frames,
// AAC-LC 128 kbit/s. Made once per length and kept.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(import.meta.dirname, '../node_modules/.cache/recorderd-bench');

const ENCODING = [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-profile:v', 'main'],
  ...['-b:v', '2M', '-minrate', '2M', '-maxrate', '2M', '-bufsize', '2M', '-x264-params', 'nal-hrd=cbr'],
  ...['-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-bf', '0'],
  ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-fflags', '+bitexact', '-flags', '+bitexact', '-f', 'flv'],
];

/** Path of the FLV file of that many seconds. */
export function sourceFile(seconds) {
  const path = join(CACHE, `source-${seconds}s.flv`);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=25:duration=${seconds}`];
  const tone = ['-f', 'lavfi', '-i', `sine=sample_rate=44100:duration=${seconds}`];
  const args = ['-nostdin', '-v', 'error', '-y', ...picture, ...tone, ...ENCODING, `${path}.new`];
  execFileSync('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(`${path}.new`, path);
  return path;
}
