import { execFile, spawn, spawnSync } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);
const works = (path: string) => spawnSync(path, ['-version']).status === 0;
const found = ['ffmpeg', 'vendor/ffmpeg/ffmpeg'].find(works);
if (found === undefined && process.env['CI'] === 'true') throw new Error('no ffmpeg to judge the files with');

/** True when there is no ffmpeg on PATH or under vendor/ to judge files with. Never on CI. */
export const noFfmpeg = found === undefined;

/** The ffmpeg that judges files. */
export const ffmpegPath = found ?? 'ffmpeg';

export async function ffmpeg(...args: string[]): Promise<string> {
  const { stdout } = await run(ffmpegPath, ['-nostdin', '-hide_banner', '-v', 'error', '-y', ...args], {
    maxBuffer: 1 << 26,
  });
  return stdout;
}

/** True when this build has the encoder. */
export function hasEncoder(name: string): boolean {
  if (found === undefined) return false;
  return spawnSync(found, ['-hide_banner', '-h', `encoder=${name}`])
    .stdout.toString()
    .startsWith('Encoder');
}

/** Feeds `input` to FFmpeg's stdin; `ffmpeg` warnings come back as `errors`. */
export async function pipeThrough(
  input: Buffer,
  args: readonly string[],
): Promise<{ output: string; errors: string; code: number | null }> {
  const child = spawn(ffmpegPath, ['-hide_banner', '-v', 'warning', '-y', ...args]);
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [output, errors, code] = await Promise.all([buffer(child.stdout), buffer(child.stderr), closed]);
  return { output: output.toString(), errors: errors.toString(), code };
}

/** One line of `-f framemd5`. Times in microseconds; packets in FFmpeg's order. */
export interface Packet {
  readonly stream: number;
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly size: number;
  readonly md5: string;
}

/** Parses the output of `-f framemd5`. */
export function parsePackets(text: string): Packet[] {
  const scales = [...text.matchAll(/^#tb \d+: (\d+)\/(\d+)/gm)].map(
    (match) => (Number(match[1]) * 1e6) / Number(match[2]),
  );
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [stream = 0, dts = 0, pts = 0, duration = 0, size = 0] = line.split(',').map(Number);
      const time = (ticks: number) => Math.round(ticks * (scales[stream] ?? 1));
      const md5 = line.split(',')[5]?.trim() ?? '';
      return { stream, dts: time(dts), pts: time(pts), duration: time(duration), size, md5 };
    });
}

/** Every packet of a file with the times FFmpeg gives it. */
export async function packetsOf(path: string): Promise<Packet[]> {
  return parsePackets(await ffmpeg('-copyts', '-i', path, '-map', '0', '-c', 'copy', '-f', 'framemd5', '-'));
}

/** The packets with times counted from the first one shown, as a finalised file has them. */
export function fromStart(packets: readonly Packet[]): Packet[] {
  const start = Math.min(...packets.map(({ pts }) => pts));
  return packets.map((packet) => ({ ...packet, dts: packet.dts - start, pts: packet.pts - start }));
}

/** {@link fromStart} without the durations, which FFmpeg only estimates for fragmented files. */
export function withoutDuration(packets: readonly Packet[]): Omit<Packet, 'duration'>[] {
  return fromStart(packets).map(({ stream, dts, pts, size, md5 }) => ({ stream, dts, pts, size, md5 }));
}

/** What FFmpeg says while it decodes everything. */
export async function decodeErrors(path: string): Promise<string> {
  const { errors } = await pipeThrough(Buffer.alloc(0), ['-v', 'error', '-i', path, '-f', 'null', '-']);
  return errors;
}
