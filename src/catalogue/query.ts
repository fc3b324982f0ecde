import type {
  CatalogueFile,
  CatalogueFilter,
  CataloguePage,
  CatalogueQuery,
  CatalogueRecording,
  HookState,
} from '../domain/catalogue.ts';
import { partKey } from '../domain/recording.ts';
import { matchesGlob } from '../util/glob.ts';
import { orderedSlice } from '../util/orderedSlice.ts';
import type { OrderKey } from '../util/orderedSlice.ts';
import type { KnownRecording } from './catalogueRows.ts';

/** What the catalogue does not keep, because others know it. */
export interface CatalogueNow {
  /** Recordings that are not finished. */
  readonly unfinished: ReadonlySet<string>;
  /** Hook runs that are owed, by `partKey`. */
  readonly owed: ReadonlyMap<string, 'pending' | 'running'>;
}

/** Files of one recording, in order; never none. */
type Files = readonly CatalogueFile[];

/** Files that stand with a recording in a list. */
const LISTED_PARTS = 10;

/** The recordings that fit, in the order asked for; only those of the page are ever put in order. */
export function pageOf(
  recordings: Iterable<KnownRecording>,
  { sort, order, offset, limit, ...filter }: CatalogueQuery,
  now: CatalogueNow,
): CataloguePage {
  const fits = fitting(filter, now);
  const all = [...recordings];
  const fitted = fits === undefined ? all : all.filter(({ files }) => fits(files));
  const page = { from: offset, to: offset + limit };
  const shown = orderedSlice(fitted, KEYS[sort], order === 'asc' ? 1 : -1, page);
  return {
    total: fitted.length,
    offset,
    recordings: shown.map(({ files }) => viewOf(files, now, { offset: 0, limit: LISTED_PARTS })),
  };
}

/** A recording with those of its files that are asked for. */
export function viewOf(
  files: Files,
  now: CatalogueNow,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): CatalogueRecording {
  const [first, newest] = [files[0], files.at(-1)];
  if (first === undefined || newest === undefined) throw new RangeError('a recording without files');
  const { recordingId, mediaSessionId, sessionId, streamName, mediaProvider } = first;
  const isUnfinished = now.unfinished.has(recordingId);
  return {
    ...{ recordingId, mediaSessionId, sessionId, streamName, mediaProvider },
    state: isUnfinished ? 'recording' : 'done',
    startedAt: first.startedAt,
    endedAt: newest.endedAt,
    durationMs: sum(files, 'durationMs'),
    bytes: sum(files, 'bytes'),
    stopReason: isUnfinished ? null : newest.stopReason,
    incidents: sum(files, 'incidents'),
    lostMs: files.some(({ lostMs }) => lostMs === null) ? null : sum(files, 'lostMs'),
    fileStates: counted(files.map(({ fileState }) => fileState)),
    hookStates: counted(files.map((file) => hookStateOf(file, now))),
    partCount: files.length,
    parts: files.slice(offset, offset + limit).map((file) => currentOf(file, now)),
  };
}

/** A file with its hook as it stands now. */
export function currentOf(file: CatalogueFile, now: CatalogueNow): CatalogueFile {
  return { ...file, hookState: hookStateOf(file, now) };
}

function hookStateOf(file: CatalogueFile, { owed }: CatalogueNow): HookState {
  if (owed.size === 0) return file.hookState;
  return owed.get(partKey(file.recordingId, file.partIndex)) ?? file.hookState;
}

/** What costs least is checked first. Undefined when everything fits. */
function fitting(filter: CatalogueFilter, now: CatalogueNow): ((files: Files) => boolean) | undefined {
  const { recordingId, mediaSessionId, streamName, fileName, from, to, state, fileState, hookState } = filter;
  const checks: ((first: CatalogueFile, newest: CatalogueFile, files: Files) => boolean)[] = [];
  if (recordingId !== undefined) checks.push((first) => first.recordingId === recordingId);
  if (mediaSessionId !== undefined) checks.push((first) => first.mediaSessionId === mediaSessionId);
  if (from !== undefined) checks.push((_, newest) => newest.endedAt > from);
  if (to !== undefined) checks.push((first) => first.startedAt < to);
  if (state !== undefined)
    checks.push((first) => now.unfinished.has(first.recordingId) === (state === 'recording'));
  if (streamName !== undefined) {
    const fits = nameFilter(streamName);
    checks.push((first) => fits(first.streamName));
  }
  const anyFile = (isMeant: (file: CatalogueFile) => boolean): void =>
    void checks.push((_, __, files) => files.some(isMeant));
  if (fileName !== undefined) anyFile((file) => file.fileName === fileName);
  if (fileState !== undefined) anyFile((file) => file.fileState === fileState);
  if (hookState !== undefined) anyFile((file) => hookStateOf(file, now) === hookState);
  if (checks.length === 0) return undefined;
  return (files) => {
    const [first, newest] = [files[0], files.at(-1)];
    return (
      first !== undefined && newest !== undefined && checks.every((check) => check(first, newest, files))
    );
  };
}

function nameFilter(wanted: string): (name: string) => boolean {
  const word = wanted.toLowerCase();
  return /[*?]/.test(word)
    ? (name) => matchesGlob(word, name.toLowerCase())
    : (name) => name.toLowerCase().includes(word);
}

const KEYS: Readonly<Record<CatalogueQuery['sort'], OrderKey<KnownRecording>>> = {
  startedAt: ({ files }) => files[0]?.startedAt ?? 0,
  endedAt: ({ files }) => files.at(-1)?.endedAt ?? 0,
  streamName: ({ files }) => files[0]?.streamName ?? '',
  bytes: ({ bytes }) => bytes,
  durationMs: ({ durationMs }) => durationMs,
};

function sum(files: Files, field: 'bytes' | 'durationMs' | 'incidents' | 'lostMs'): number {
  return files.reduce((total, file) => total + (file[field] ?? 0), 0);
}

function counted<T extends string>(states: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
