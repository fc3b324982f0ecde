import { execa } from 'execa';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** An FFmpeg that has what recording needs. */
export interface Ffmpeg {
  readonly path: string;
  /** As FFmpeg prints it, e.g. `5.1.9-0+deb12u1`. */
  readonly version: string;
  /** It has the bitstream filter `setts` (4.4). */
  readonly canSetTimestamps: boolean;
}

export interface FfmpegSearch {
  /** Setting `ffmpeg_path`; empty = search. */
  readonly configuredPath: string;
  /** The PATH variable. */
  readonly searchPath: string;
  /** Folder with a binary fetched by the set-up step. */
  readonly vendorDir: string;
}

const NEEDED_MUXERS = ['mp4', 'segment', 'webm', 'matroska', 'mpegts'];
const NEEDED_DEMUXERS = ['flv', 'matroska,webm'];
const NEEDED_ENCODERS = ['aac', 'libvorbis'];
const OLDEST = [4, 1] as const;
const CHECK_TIMEOUT_MS = 10_000;

/**
 * Finds FFmpeg: `ffmpeg_path`, then each `ffmpeg` on PATH, then `vendor/`. A configured path that does not work is
 * not replaced by another binary.
 * @throws Error that lists every candidate and why it was refused.
 */
export async function findFfmpeg(search: FfmpegSearch): Promise<Ffmpeg> {
  const refused: string[] = [];
  for (const path of await candidates(search)) {
    try {
      return { path, ...(await check(path)) };
    } catch (error) {
      refused.push(`${path}: ${messageOf(error)}`);
    }
  }
  const tried = refused.length === 0 ? 'none on PATH and none under vendor/' : refused.join('; ');
  throw new Error(`no usable FFmpeg (${tried}); install Debian's ffmpeg package or set ffmpeg_path`);
}

/**
 * The FFmpeg that records: `recordPath` (setting `record_ffmpeg_path`), else the lean one under `vendorDir` when it is
 * there (docs/decisions/0011-lean-ffmpeg.md) and no other was asked for by `configuredPath`, else `general`.
 * @throws Error when the one that was configured or found cannot be used.
 */
export async function findRecordingFfmpeg(
  {
    recordPath,
    configuredPath,
    vendorDir,
  }: Omit<FfmpegSearch, 'searchPath'> & { readonly recordPath: string },
  general: Ffmpeg,
): Promise<Ffmpeg> {
  const lean = join(vendorDir, 'ffmpeg-lean', 'ffmpeg');
  const isLean = recordPath === '' && configuredPath === '' && (await isExecutable(lean));
  const path = isLean ? lean : recordPath;
  if (path === '') return general;
  try {
    return { path, ...(await check(path)) };
  } catch (error) {
    throw new Error(`record_ffmpeg_path: ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function candidates(search: FfmpegSearch): Promise<string[]> {
  if (search.configuredPath !== '') return [search.configuredPath];
  const folders = search.searchPath.split(delimiter).filter((folder) => folder !== '');
  const paths = [
    ...folders.map((folder) => join(folder, 'ffmpeg')),
    join(search.vendorDir, 'ffmpeg', 'ffmpeg'),
  ];
  const found = await Promise.all(paths.map(async (path) => ((await isExecutable(path)) ? path : undefined)));
  return found.filter((path) => path !== undefined);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function check(path: string): Promise<Omit<Ffmpeg, 'path'>> {
  const [version, muxers, demuxers, encoders, filters] = await Promise.all(
    ['-version', '-muxers', '-demuxers', '-encoders', '-bsfs'].map((flag) => ask(path, flag)),
  );
  const found = /^ffmpeg version (\S+)/m.exec(version ?? '')?.[1];
  if (found === undefined) throw new Error('does not answer -version as FFmpeg does');
  if (isTooOld(found)) throw new Error(`version ${found} is older than ${OLDEST.join('.')}`);
  const missing = [
    ...NEEDED_MUXERS.filter((name) => !lists(muxers, name)).map((name) => `muxer ${name}`),
    ...NEEDED_DEMUXERS.filter((name) => !lists(demuxers, name)).map((name) => `demuxer ${name}`),
    ...NEEDED_ENCODERS.filter((name) => !lists(encoders, name)).map((name) => `encoder ${name}`),
  ];
  if (missing.length > 0) throw new Error(`lacks ${missing.join(', ')}`);
  return { version: found, canSetTimestamps: /^setts$/m.test(filters ?? '') };
}

async function ask(path: string, flag: string): Promise<string> {
  const result = await execa(path, ['-hide_banner', flag], { timeout: CHECK_TIMEOUT_MS, stdin: 'ignore' });
  return result.stdout;
}

/** Lines look like `  E name   description` or ` D  name   description`. */
function lists(text: string | undefined, name: string): boolean {
  return new RegExp(String.raw`^ +\S+ +${name}\s`, 'm').test(text ?? '');
}

function isTooOld(version: string): boolean {
  const match = /^n?(\d+)\.(\d+)/.exec(version);
  // A development snapshot (N-12345-g…) carries no release number; its muxers and encoders are what counts.
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
