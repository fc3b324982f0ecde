import { appendFileSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Logger } from '../domain/log.ts';
import type { NameSettings } from '../domain/names.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import type { StopReason } from '../domain/recording.ts';
import { INDEX_SUFFIX } from './fragmentIndexes.ts';
import { syncPath } from './publishFile.ts';

/** What does not change while a recording lasts. Plain data: it is kept on disk, too. */
export interface RecordingFacts {
  readonly recordingId: string;
  readonly streamName: string;
  /** What files are named after; the stream name unless the start gave another. */
  readonly nameAs: string;
  readonly sessionId: string;
  readonly mediaSessionId: string;
  readonly login: string;
  /** Absent in journals of older versions. */
  readonly mediaProvider?: MediaProvider | undefined;
  readonly names: NameSettings;
  readonly overwrite: boolean;
}

/** Name of the journal in a recording's work folder. */
export const JOURNAL_FILE = 'journal';
const VERSION = 1;

const RECORDING = z.object({
  kind: z.literal('recording'),
  version: z.literal(VERSION),
  recordingId: z.string(),
  streamName: z.string(),
  nameAs: z.string(),
  sessionId: z.string(),
  mediaSessionId: z.string(),
  login: z.string(),
  mediaProvider: z.custom<MediaProvider>((value) => typeof value === 'string').optional(),
  names: z.object({
    policy: z.enum(['streamName', 'template']),
    template: z.string(),
    encode: z.enum(['HEX', 'BASE64']).optional(),
    excludeCharacters: z.string(),
  }),
  overwrite: z.boolean(),
});
const RUN = z.object({
  kind: z.literal('run'),
  /** What the names of its files begin with. */
  prefix: z.string(),
  /** Of the run that it comes right behind, because it has the rest of its media; absent: it comes behind all before. */
  behind: z.string().optional(),
  /** Of its child. */
  pid: z.number().optional(),
  container: z.string(),
  videoCodec: z.string().optional(),
  audioCodec: z.string().optional(),
  /** The files hold the audio in another codec. */
  isTranscoded: z.boolean().optional(),
  /** Of its first file: the clocks of `PartFacts`. */
  startTimeMs: z.number(),
  startedAt: z.number(),
});
const NAMING = z.object({
  kind: z.literal('naming'),
  /** The working file that is about to become a record. */
  file: z.string(),
  /** The record, absolute, and the rest of what is announced of it: see `FinishedPart`. */
  path: z.string(),
  index: z.number(),
  last: z.boolean(),
  startedAt: z.number(),
  endedAt: z.number(),
  durationMs: z.number(),
  bytes: z.number(),
  stopReason: z.custom<StopReason>((value) => typeof value === 'string'),
  /** Where the next file of the run begins. */
  endTimeMs: z.number(),
});
const PART = z.object({
  kind: z.literal('part'),
  /** The working file that became a record and was announced. */
  file: z.string(),
  index: z.number(),
  /** Where the next file of the run begins. */
  endTimeMs: z.number(),
  endedAt: z.number(),
});

export type JournalRun = z.infer<typeof RUN>;
export type JournalPart = z.infer<typeof PART>;
export type JournalNaming = z.infer<typeof NAMING>;

/** What a journal tells of a recording. */
export interface JournalStory {
  readonly recording: RecordingFacts;
  readonly runs: readonly JournalRun[];
  /** Parts that are finished and announced. */
  readonly parts: readonly JournalPart[];
  /** Names that were about to be given, the newest of a file last. */
  readonly namings: readonly JournalNaming[];
}

/**
 * What is needed to finish a recording's files without the process that made them: a line of JSON for the recording,
 * for each run, before each name that is given and after each part that is announced, in its work folder. A line is one
 * write, which ends a torn one before it; torn ones are passed over when it is read. A journal that cannot be written is
 * logged and does not touch its recording; what it lacks is written with its next line, so that some lines may stand
 * there twice.
 */
export class RecordingJournal {
  readonly #folder: string;
  readonly #facts: RecordingFacts;
  readonly #log: Logger;
  #isBegun = false;
  #unwritten = '';

  constructor(folder: string, facts: RecordingFacts, log: Logger) {
    this.#folder = folder;
    this.#facts = facts;
    this.#log = log;
  }

  run(run: Omit<JournalRun, 'kind'>): void {
    if (!this.#isBegun) this.#append({ kind: 'recording', version: VERSION, ...this.#facts });
    this.#isBegun = true;
    this.#append({ kind: 'run', ...run });
  }

  /** Durable once resolved, so that no file gets a name of which nobody is told. */
  async naming(naming: Omit<JournalNaming, 'kind'>): Promise<void> {
    this.#append({ kind: 'naming', ...naming });
    await syncPath(join(this.#folder, JOURNAL_FILE)).catch((err: unknown) => {
      this.#log.error('journal cannot be written', { folder: this.#folder, err });
    });
  }

  part(part: Omit<JournalPart, 'kind'>): void {
    this.#append({ kind: 'part', ...part });
  }

  #append(line: object): void {
    this.#unwritten += `\n${JSON.stringify(line)}\n`;
    try {
      appendFileSync(join(this.#folder, JOURNAL_FILE), this.#unwritten, { mode: 0o640 });
      this.#unwritten = '';
    } catch (err) {
      this.#log.error('journal cannot be written', { folder: this.#folder, err });
    }
  }
}

/** Reads the journal of a work folder. Undefined when it does not tell the recording. */
export async function readJournal(folder: string): Promise<JournalStory | undefined> {
  const text = await readFile(join(folder, JOURNAL_FILE), 'utf8').catch(() => '');
  const runs: JournalRun[] = [];
  const parts: JournalPart[] = [];
  const namings: JournalNaming[] = [];
  let recording: RecordingFacts | undefined;
  for (const line of text.split('\n')) {
    const entry = z.discriminatedUnion('kind', [RECORDING, RUN, NAMING, PART]).safeParse(parsed(line)).data;
    if (entry === undefined) continue;
    if (entry.kind === 'run') runs.push(entry);
    else if (entry.kind === 'part') parts.push(entry);
    else if (entry.kind === 'naming') namings.push(entry);
    else recording ??= { ...entry, names: { ...entry.names, encode: entry.names.encode } };
  }
  return recording && { recording, runs, parts, namings };
}

/** Removes a work folder in which nothing but the journal is left, and indexes of files that somebody took away. */
export async function removeWorkFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.some((name) => name !== JOURNAL_FILE && !name.endsWith(INDEX_SUFFIX))) return;
  for (const name of names) await rm(join(folder, name), { force: true }).catch(() => undefined);
  await rmdir(folder).catch(() => undefined);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
