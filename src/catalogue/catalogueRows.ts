import * as z from 'zod';
import { FILE_STATES, HOOK_STATES } from '../domain/catalogue.ts';
import type { CatalogueFile, FileState, HookState } from '../domain/catalogue.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import type { StopReason } from '../domain/recording.ts';
import { placeOf } from '../util/placeOf.ts';

/** Names one file of one recording. */
export interface FileKey {
  readonly recordingId: string;
  /** From 1. */
  readonly partIndex: number;
}

/** A line of the log: a file as it is from now on, what changed of it, or that it is forgotten. */
export type CatalogueLine =
  | { readonly put: CatalogueFile }
  | ({ readonly set: FileKey } & Partial<Pick<CatalogueFile, 'fileState' | 'hookState'>>)
  | { readonly drop: FileKey };

/** What is at least to be true of a line: it is our own, but a disk or a person may have touched it. */
const KEY = z.object({ recordingId: z.string(), partIndex: z.number() });
const STATES = {
  fileState: z.custom<FileState>((value) => FILE_STATES.includes(value as FileState)),
  hookState: z.custom<HookState>((value) => HOOK_STATES.includes(value as HookState)),
};
const LINE = z.union([
  z.object({
    put: z.object({
      ...KEY.shape,
      last: z.boolean(),
      mediaSessionId: z.string(),
      sessionId: z.string(),
      streamName: z.string(),
      mediaProvider: z.custom<MediaProvider>((value) => typeof value === 'string').nullable(),
      // One visible name of the records folder: files are deleted by it.
      fileName: z.string().regex(/^[^./][^/\0]*$/),
      container: z.string(),
      videoCodec: z.string().nullable(),
      audioCodec: z.string().nullable(),
      bytes: z.number(),
      startedAt: z.number(),
      endedAt: z.number(),
      durationMs: z.number(),
      stopReason: z.custom<StopReason>((value) => typeof value === 'string'),
      incidents: z.number(),
      lostMs: z.number().nullable(),
      ...STATES,
    }),
  }),
  z.object({
    set: KEY,
    fileState: STATES.fileState.exactOptional(),
    hookState: STATES.hookState.exactOptional(),
  }),
  z.object({ drop: KEY }),
]);

/** Undefined for what is no line of this version. */
export function readLine(value: unknown): CatalogueLine | undefined {
  return LINE.safeParse(value).data;
}

/** The files of one recording by their number; never none. Sums are kept, so that lists need not make them. */
export interface KnownRecording {
  readonly files: CatalogueFile[];
  bytes: number;
  durationMs: number;
}

/** The files of the catalogue by recording and by name. */
export class CatalogueRows {
  /** In the order of their first files. */
  readonly #recordings = new Map<string, KnownRecording>();
  /** The newest file that was given a name: an older one of that name was replaced. */
  readonly #byName = new Map<string, CatalogueFile>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  *all(): Generator<CatalogueFile> {
    for (const { files } of this.#recordings.values()) yield* files;
  }

  recordings(): Iterable<KnownRecording> {
    return this.#recordings.values();
  }

  /** In order; none of a recording that is not known. */
  filesOf(recordingId: string): readonly CatalogueFile[] {
    return this.#recordings.get(recordingId)?.files ?? [];
  }

  get({ recordingId, partIndex }: FileKey): CatalogueFile | undefined {
    const files = this.filesOf(recordingId);
    const file = files[placeOfPart(files, partIndex)];
    return file?.partIndex === partIndex ? file : undefined;
  }

  /** The file that has a name in the folder now, if the catalogue knows it. */
  named(fileName: string): CatalogueFile | undefined {
    return this.#byName.get(fileName);
  }

  apply(line: CatalogueLine): void {
    if ('put' in line) this.#put(line.put);
    else if ('drop' in line) this.#drop(line.drop);
    else {
      const { set, ...changed } = line;
      // The one object of the file, which is found by its recording and by its name.
      const file = this.get(set);
      if (file !== undefined) Object.assign(file, changed);
    }
  }

  #put(file: CatalogueFile): void {
    // A line that stands there twice.
    this.#drop(file);
    const { recordingId, partIndex, fileName } = file;
    const recording = this.#recordings.get(recordingId) ?? { files: [], bytes: 0, durationMs: 0 };
    this.#recordings.set(recordingId, recording);
    recording.files.splice(placeOfPart(recording.files, partIndex), 0, file);
    recording.bytes += file.bytes;
    recording.durationMs += file.durationMs;
    this.#size++;
    const owner = this.#byName.get(fileName);
    if (owner === undefined || owner.endedAt <= file.endedAt) this.#byName.set(fileName, file);
  }

  #drop(key: FileKey): void {
    const file = this.get(key);
    const recording = this.#recordings.get(key.recordingId);
    if (file === undefined || recording === undefined) return;
    recording.files.splice(placeOfPart(recording.files, key.partIndex), 1);
    recording.bytes -= file.bytes;
    recording.durationMs -= file.durationMs;
    this.#size--;
    if (recording.files.length === 0) this.#recordings.delete(key.recordingId);
    if (this.#byName.get(file.fileName) === file) this.#byName.delete(file.fileName);
  }
}

function placeOfPart(files: readonly CatalogueFile[], partIndex: number): number {
  return placeOf(files, (file) => file.partIndex < partIndex);
}
