import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Packet {
  readonly dts: number;
  readonly pts: number;
  readonly size: number;
  readonly md5: string;
}

/** Every coded packet of one kind in a file, as FFmpeg reads it: times in milliseconds, MD5 of the payload. */
export async function packetsOf(
  file: string,
  kind: 'v' | 'a',
  input: readonly string[] = [],
  output: readonly string[] = [],
): Promise<Packet[]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      '-nostdin',
      ...input,
      '-copyts',
      '-i',
      file,
      '-map',
      `0:${kind}`,
      '-c',
      'copy',
      ...output,
      '-f',
      'framemd5',
      '-',
    ],
    { maxBuffer: 1 << 28 },
  );
  const [, numerator = '1', denominator = '1000'] = /^#tb 0: (\d+)\/(\d+)/m.exec(stdout) ?? [];
  const toMs = (ticks: string | undefined): number =>
    (Number(ticks) * 1000 * Number(numerator)) / Number(denominator);
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').map((field) => field.trim()))
    .map(([, dts, pts, , size, md5]) => ({
      dts: toMs(dts),
      pts: toMs(pts),
      size: Number(size),
      md5: md5 ?? '',
    }));
}

/** What FFmpeg complains about when it decodes the whole file; empty when nothing. */
export async function decodeErrors(file: string): Promise<string> {
  // Without the file's own time base FFmpeg complains of frames that come closer than the frame rate it guesses.
  const args = ['-v', 'error', '-nostdin', '-i', file, '-enc_time_base:v', '-1', '-f', 'null', '-'];
  const { stderr } = await run('ffmpeg', args, { maxBuffer: 1 << 28 });
  return stderr;
}

export interface Probe {
  readonly format: { readonly duration: string; readonly start_time: string; readonly format_name: string };
  readonly streams: readonly {
    readonly codec_type: string;
    readonly codec_name: string;
    readonly codec_tag_string: string;
    readonly start_time: string;
    readonly sample_rate?: string;
    readonly channels?: number;
    readonly width?: number;
  }[];
}

export async function probe(file: string): Promise<Probe> {
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-of',
    'json',
    '-show_format',
    '-show_streams',
    file,
  ]);
  return JSON.parse(stdout) as Probe;
}
