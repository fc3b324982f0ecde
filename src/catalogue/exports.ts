import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueFile, ExportedFile, ExportSelection } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';
import { fitName } from '../domain/fileName.ts';
import type { Logger } from '../domain/log.ts';
import { runProgram } from '../process/runProgram.ts';
import { Slots } from '../util/slots.ts';
import type { Catalogue } from './catalogue.ts';
import { chooseFiles, concatList, demandJoinable, nameOf, whereMediaMayChange } from './exportChoice.ts';
import type { ChosenFile } from './exportChoice.ts';
import { demandHls, playlistOf } from './playlist.ts';

export interface ExportOptions {
  readonly ffmpegPath: string;
  /** Absolute path of the records folder; exports are made in `.work/exports` of it. */
  readonly recordsDir: string;
  /** FFmpegs at the same time, and exports that may wait for one. */
  readonly parallel: number;
  readonly maxWaiting: number;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
}

export interface ExportDeps {
  readonly catalogue: Catalogue;
  /** True when so many bytes more leave the disk above where it is full. */
  readonly canSpare: (bytes: number) => Promise<boolean>;
  readonly log: Logger;
}

/** SIGKILL leaves nothing behind but the folder, which is removed. */
const KILL_GRACE_MS = 200;
const MAX_OUTPUT_BYTES = 16_384;
/** Of the description of a file: what must be alike for two to stand in one. */
const DESCRIBED = /^#(?:extradata|media_type|codec_id|dimensions|sample_rate|channel_layout)/;
const QUIET = ['-nostdin', '-hide_banner', '-loglevel', 'error'];

/** Joins finished files into one without encoding anything, in a folder that is removed afterwards. */
export class Exports {
  readonly #options: ExportOptions;
  readonly #deps: ExportDeps;
  readonly #dir: string;
  readonly #slots: Slots;
  readonly #shutdown = new AbortController();

  constructor(options: ExportOptions, deps: ExportDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#dir = join(options.recordsDir, '.work', 'exports');
    this.#slots = new Slots(options.parallel, options.maxWaiting);
  }

  /** Removes what an earlier process left. @throws Error when it cannot be removed. */
  async open(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Ends what is being made. */
  close(): void {
    this.#shutdown.abort();
  }

  /**
   * One file with all that is selected; a single file that is wanted whole is given as it is.
   * @param signal ends it.
   * @throws RecorderdError RECORDING_NOT_FOUND, FILE_NOT_FOUND, EXPORT_IMPOSSIBLE, EXPORT_FAILED, LIMIT_REACHED, DISK_FULL
   */
  async join(selection: ExportSelection, signal: AbortSignal): Promise<ExportedFile> {
    const chosen = await this.#lookedAt(chooseFiles(this.#deps.catalogue.files(), selection));
    const first = demandJoinable(chosen);
    const { file, fromMs, toMs } = first;
    if (chosen.length === 1 && fromMs === undefined && toMs === undefined) {
      const { recordsDir: folder } = this.#options;
      return { folder, fileName: file.fileName, as: file.fileName, remove: () => Promise.resolve() };
    }
    return this.#make(chosen, muxerOf(file), { as: nameFor(file), signal });
  }

  /**
   * A file as MPEG-TS, for a player of HLS.
   * @throws RecorderdError as {@link join}
   */
  async segment(recordingId: string, partIndex: number, signal: AbortSignal): Promise<ExportedFile> {
    const file = this.#deps.catalogue.file({ recordingId, partIndex });
    const chosen = demandJoinable(file === undefined ? [] : await this.#lookedAt([{ file }]));
    demandHls(chosen.file);
    return this.#make([chosen], 'mpegts', { as: 'segment.ts', signal });
  }

  /** As they are now: the catalogue may not have seen yet that one went away. */
  async #lookedAt(chosen: readonly ChosenFile[]): Promise<readonly ChosenFile[]> {
    const { catalogue } = this.#deps;
    for (const { file } of chosen) await catalogue.look(file.fileName);
    return chosen.map(({ file, ...cut }) => ({ file: catalogue.file(file) ?? file, ...cut }));
  }

  /** HLS over the files of a recording. @throws RecorderdError RECORDING_NOT_FOUND, FILE_NOT_FOUND, EXPORT_IMPOSSIBLE */
  playlist(recordingId: string): string {
    const whole = { offset: 0, limit: Infinity };
    const { parts, state } = this.#deps.catalogue.recording(recordingId, whole);
    return playlistOf(parts, state === 'done');
  }

  async #make(
    chosen: readonly ChosenFile[],
    muxer: string,
    { as, signal }: { readonly as: string; readonly signal: AbortSignal },
  ): Promise<ExportedFile> {
    if (this.#slots.isFull) throw new RecorderdError('LIMIT_REACHED', 'too many exports are being made');
    const bytes = chosen.reduce((sum, { file }) => sum + file.bytes, 0);
    if (!(await this.#deps.canSpare(bytes)))
      throw new RecorderdError('DISK_FULL', 'the disk has no room to join the files');
    const folder = join(this.#dir, randomUUID());
    const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
    const ended = AbortSignal.any([signal, this.#shutdown.signal]);
    try {
      await this.#slots.run(() => this.#join(chosen, muxer, { folder, as, signal: ended }));
      return { folder, fileName: as, as, remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async #join(
    chosen: readonly ChosenFile[],
    muxer: string,
    { folder, as, signal }: { readonly folder: string; readonly as: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const pathOf = ({ fileName }: CatalogueFile): string => join(this.#options.recordsDir, fileName);
    await this.#demandAlike(chosen, pathOf, signal);
    await mkdir(folder, { recursive: true });
    const list = join(folder, 'list.txt');
    await writeFile(list, concatList(chosen, pathOf));
    // Packets pass as they are: without this, parameter sets would be written before each key frame.
    const input = ['-f', 'concat', '-safe', '0', '-auto_convert', '0', '-i', list];
    const output = ['-map', '0', '-c', 'copy', '-avoid_negative_ts', 'make_zero', '-f', muxer];
    await this.#run([...QUIET, ...input, ...output, '-y', join(folder, as)], signal);
  }

  /** @throws RecorderdError EXPORT_IMPOSSIBLE when the headers of one file do not fit the media of another. */
  async #demandAlike(
    chosen: readonly ChosenFile[],
    pathOf: (file: CatalogueFile) => string,
    signal: AbortSignal,
  ): Promise<void> {
    const [first, ...others] = whereMediaMayChange(chosen);
    if (first === undefined || others.length === 0) return;
    const wanted = await this.#described(pathOf(first.file), signal);
    for (const other of others) {
      if ((await this.#described(pathOf(other.file), signal)) === wanted) continue;
      const [one, two] = [nameOf(first), nameOf(other)];
      throw new RecorderdError('EXPORT_IMPOSSIBLE', `${two} is encoded with other parameters than ${one}`);
    }
  }

  async #described(path: string, signal: AbortSignal): Promise<string> {
    const output = ['-map', '0', '-c', 'copy', '-t', '0.001', '-f', 'framehash', '-hash', 'md5', '-'];
    const text = await this.#run([...QUIET, '-i', path, ...output], signal);
    return text
      .split('\n')
      .filter((line) => DESCRIBED.test(line))
      .sort()
      .join('\n');
  }

  /** @throws RecorderdError EXPORT_FAILED */
  async #run(args: readonly string[], signal: AbortSignal): Promise<string> {
    const { ffmpegPath: file, recordsDir: cwd, timeoutMs, env } = this.#options;
    const limits = { timeoutMs, killGraceMs: KILL_GRACE_MS, maxOutputBytes: MAX_OUTPUT_BYTES };
    const result = await runProgram({ file, args, cwd, env, ...limits, signal });
    if (result.exitCode === 0 && !result.aborted && !result.timedOut) return result.output;
    if (result.aborted) throw new RecorderdError('EXPORT_FAILED', 'the export was ended before it was made');
    const { exitCode, signal: by, timedOut, output, failure } = result;
    this.#deps.log.error('export failed', { exitCode, signal: by, timedOut, output, failure });
    throw new RecorderdError('EXPORT_FAILED', 'the files cannot be joined; the log tells why');
  }
}

/** H.264 stands in WebM as the recorder writes it: Matroska under that name. */
function muxerOf({ container, videoCodec }: CatalogueFile): string {
  if (container === 'ts') return 'mpegts';
  if (container === 'mkv' || (container === 'webm' && videoCodec === 'H264')) return 'matroska';
  return container;
}

/** After the first file. */
function nameFor({ fileName, container }: CatalogueFile): string {
  const extension = `.${container}`;
  const base = fileName.endsWith(extension) ? fileName.slice(0, -extension.length) : fileName;
  return fitName(`export-${base}`, { number: '', extension });
}
