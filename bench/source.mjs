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
  return encodeOnce(`source-${seconds}s.flv`, [
    ...['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=25:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=sample_rate=44100:duration=${seconds}`],
    ...ENCODING,
  ]);
}

/** Path of a kept file; FFmpeg makes it with these arguments when it is not there. */
export function encodeOnce(name, args) {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, `${path}.new`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(`${path}.new`, path);
  return path;
}
