import type { CatalogueFile, ExportSelection } from '../domain/catalogue.ts';
import { RecorderdError } from '../domain/errors.ts';

/** Files that one export may join. */
const MAX_JOINED = 10_000;
/** After these the same publisher goes on with the same configuration. */
const GOES_ON: ReadonlySet<string> = new Set(['rotation', 'child-died']);

/** A file of an export, and what of it is wanted where it is not all: milliseconds from its beginning. */
export interface ChosenFile {
  readonly file: CatalogueFile;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** The files that hold what is asked for, in the order in which they were recorded. */
export function chooseFiles(
  files: Iterable<CatalogueFile>,
  { recordingId, streamName, from = -Infinity, to = Infinity }: ExportSelection,
): readonly ChosenFile[] {
  const chosen: ChosenFile[] = [];
  for (const file of files) {
    if (recordingId !== undefined && file.recordingId !== recordingId) continue;
    if (streamName !== undefined && file.streamName !== streamName) continue;
    if (file.endedAt <= from || file.startedAt >= to) continue;
    chosen.push({
      file,
      ...(from > file.startedAt && { fromMs: from - file.startedAt }),
      ...(to < file.endedAt && { toMs: to - file.startedAt }),
    });
  }
  return chosen.sort((a, b) => a.file.startedAt - b.file.startedAt || a.file.partIndex - b.file.partIndex);
}

/**
 * @returns the first of the files.
 * @throws RecorderdError RECORDING_NOT_FOUND when there are none; FILE_NOT_FOUND when one of them is not there;
 * EXPORT_IMPOSSIBLE when they cannot stand in one file.
 */
export function demandJoinable(chosen: readonly ChosenFile[]): ChosenFile {
  const [first] = chosen;
  if (first === undefined) throw new RecorderdError('RECORDING_NOT_FOUND', 'nothing of it was recorded');
  if (chosen.length > MAX_JOINED)
    throw new RecorderdError('EXPORT_IMPOSSIBLE', `more than ${MAX_JOINED} files; choose a shorter time`);
  const missing = chosen.find(({ file }) => file.fileState !== 'present');
  if (missing !== undefined)
    throw new RecorderdError('FILE_NOT_FOUND', `${missing.file.fileName} is ${missing.file.fileState}`);
  const kindOf = ({ file }: ChosenFile): string =>
    [file.container, file.videoCodec ?? 'no video', file.audioCodec ?? 'no audio'].join(' with ');
  const other = chosen.find((each) => kindOf(each) !== kindOf(first));
  if (other === undefined) return first;
  throw new RecorderdError('EXPORT_IMPOSSIBLE', `${nameOf(other)} is ${kindOf(other)}, not ${kindOf(first)}`);
}

/** Files before which anything may have changed that both have to share, the first one included. */
export function whereMediaMayChange(chosen: readonly ChosenFile[]): readonly ChosenFile[] {
  return chosen.filter(({ file }, i) => {
    const before = chosen[i - 1]?.file;
    return before?.recordingId !== file.recordingId || !GOES_ON.has(before.stopReason);
  });
}

/** What FFmpeg's concat demuxer reads. Names of records hold no line end. */
export function concatList(chosen: readonly ChosenFile[], pathOf: (file: CatalogueFile) => string): string {
  const lines = chosen.flatMap(({ file, fromMs, toMs }) => [
    `file '${pathOf(file).replaceAll("'", String.raw`'\''`)}'`,
    ...(fromMs === undefined ? [] : [`inpoint ${fromMs / 1000}`]),
    ...(toMs === undefined ? [] : [`outpoint ${toMs / 1000}`]),
  ]);
  return `ffconcat version 1.0\n${lines.join('\n')}\n`;
}

export function nameOf({ file }: ChosenFile): string {
  return file.fileName;
}
