import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PartEvidence } from '../domain/integrityReport.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart } from '../domain/recording.ts';
import { Slots } from '../util/slots.ts';
import { announceNamed } from './announceNamed.ts';
import type { DiskSpace } from './diskSpace.ts';
import { recoveredEvidence } from './evidence.ts';
import { COPY_SUFFIX, Faststart } from './faststart.ts';
import { finishPart } from './finishPart.ts';
import { isUnmendable, removeEmpty, settleFile } from './finisher.ts';
import type { SettledFile } from './finisher.ts';
import type { PartFacts } from './finishPart.ts';
import { INDEX_SUFFIX } from './fragmentIndexes.ts';
import { JOURNAL_FILE, readJournal, RecordingJournal, removeWorkFolder } from './journal.ts';
import type { JournalRun, JournalStory } from './journal.ts';
import type { RecorderCounts } from './recorderCounts.ts';

/** What recovery works with. */
export interface RecoveryDeps {
  readonly recordsDir: string;
  /** See `RecorderSettings`. */
  readonly faststart: boolean;
  readonly log: Logger;
  readonly disk: DiskSpace;
  readonly counts: RecorderCounts;
  /** Takes over a finished part; awaited. */
  readonly onPart: (part: FinishedPart, evidence: PartEvidence) => Promise<void>;
  /** Told of each recording that has no file to come any more. */
  readonly onEnd: (id: string) => void;
}

/** A working file: prefix of its run, number in it, container. */
const WORK_FILE = /^(\d{3,})-(\d{6,})\.(mp4|webm|mkv|ts)$/;
/** What of the work folder is no recording. */
const OTHERS = /^(?:hooks$|exports$|probe$|aside-)/;
/** Begins the name of a folder that was set aside. */
const ASIDE = 'aside-';
/** Tells in such a folder what could not be mended. */
const REPORT_FILE = 'report.json';
/** Recordings that are finished at once: the disk's syncs take most of the time. */
const PARALLEL = 24;
/** A child that lost its server finishes its file by itself, at once. */
const CHILD_MS = 5_000;
const CHILD_LOOK_MS = 20;

/** A working file that has not become a record. */
interface LeftFile {
  readonly name: string;
  readonly run: JournalRun;
  readonly settled: SettledFile;
}

/** Work folders that an earlier process left behind. */
export async function leftBehind(recordsDir: string): Promise<readonly string[]> {
  const names = await readdir(join(recordsDir, '.work'));
  return names.filter((name) => !OTHERS.test(name)).sort();
}

/**
 * Finishes, names and announces what an earlier process left in the work folders `ids`: of each recording in order.
 * What cannot be mended is set aside with a report and never deleted; what fails for want of space waits for it, what
 * fails for want of rights for the next start. Never rejects.
 */
export async function recover(ids: readonly string[], deps: RecoveryDeps): Promise<void> {
  const slots = new Slots(PARALLEL, Infinity);
  const started = performance.now();
  await Promise.all(ids.map((id) => slots.run(() => new LeftRecording(id, deps).recover())));
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  if (ids.length > 0)
    deps.log.info('recordings of an earlier run are finished', { recordings: ids.length, seconds });
}

/** One recording that was open when its process ended. */
class LeftRecording {
  readonly #id: string;
  readonly #folder: string;
  readonly #deps: RecoveryDeps;
  readonly #log: Logger;
  /** Why a file cannot be mended. */
  readonly #broken = new Map<string, string>();

  constructor(id: string, deps: RecoveryDeps) {
    this.#id = id;
    this.#folder = join(deps.recordsDir, '.work', id);
    this.#deps = deps;
    this.#log = deps.log.child({ recordingId: id });
  }

  async recover(): Promise<void> {
    try {
      await this.#deps.disk.untilRoom(() => this.#mend());
      this.#deps.onEnd(this.#id);
    } catch (err) {
      this.#log.error('recording of an earlier run cannot be finished now', { folder: this.#folder, err });
    }
  }

  /** May be repeated. */
  async #mend(): Promise<void> {
    await removeAids(this.#folder);
    const story = await readJournal(this.#folder);
    if (story !== undefined) await this.#finish(story);
    await removeWorkFolder(this.#folder);
    const left = await readdir(this.#folder).catch(() => []);
    if (left.length > 0) await this.#setAside(left);
  }

  async #finish({ parts, ...told }: JournalStory): Promise<void> {
    await Promise.all(told.runs.map((run) => this.#childGone(run)));
    const { recordsDir, disk, counts, onPart } = this.#deps;
    const faststart = this.#deps.faststart ? new Faststart(disk, this.#log) : undefined;
    const journal = new RecordingJournal(this.#folder, told.recording, this.#log);
    const named = await announceNamed(this.#folder, { parts, ...told }, journal, onPart);
    const story = { ...told, parts: [...parts, ...named] };
    const left = await this.#leftFiles(story);
    let index = Math.max(0, ...story.parts.map((part) => part.index));
    let begin: Pick<PartFacts, 'startTimeMs' | 'startedAt'> | undefined;
    for (const [i, { name, run, settled }] of left.entries()) {
      if (left[i - 1]?.run !== run) begin = undefined;
      const { startTimeMs, startedAt } = begin ?? beginOf(name, run, story);
      const path = join(this.#folder, name);
      const { container, videoCodec, audioCodec } = run;
      const last = i === left.length - 1;
      const facts: PartFacts = {
        ...{ path, container, videoCodec, audioCodec, startTimeMs, startedAt, settled },
        // The file tells it; of MPEG-TS, when it was last written to.
        durationMs:
          container === 'ts' ? Math.max(0, Math.round((await stat(path)).mtimeMs - startedAt)) : undefined,
        ...{ index: index + 1, last, stopReason: 'crash' },
      };
      const place = { recordsDir, journal, faststart, counts };
      const named = await finishPart(story.recording, facts, place, this.#log);
      if (named === undefined) continue;
      index++;
      const { durationMs, endedAt } = named.part;
      begin = { startTimeMs: startTimeMs + durationMs, startedAt: endedAt };
      await onPart(named.part, recoveredEvidence(run, endedAt, named.inFile));
      journal.part({ file: name, index, endTimeMs: begin.startTimeMs, endedAt });
    }
  }

  /** In the order in which they were recorded, without those that hold no media; what no run tells is left out. */
  async #leftFiles({ runs }: JournalStory): Promise<LeftFile[]> {
    const names = (await readdir(this.#folder)).filter((name) => WORK_FILE.test(name)).sort();
    const found = inOrder(runs).flatMap((run) =>
      names.filter((name) => name.startsWith(`${run.prefix}-`)).map((name) => ({ name, run })),
    );
    const left: LeftFile[] = [];
    for (const { name, run } of found) {
      const path = join(this.#folder, name);
      try {
        // Known before the first is named: the last part has a name of its own.
        const settled = await settleFile(path, run.container);
        if (settled === undefined) await removeEmpty(path, this.#log);
        else left.push({ name, run, settled });
      } catch (error) {
        if (!isUnmendable(error)) throw error;
        this.#broken.set(name, error.message);
      }
    }
    return left;
  }

  /** Waits for a child that still writes. @throws when it does not end. */
  async #childGone({ pid, prefix }: JournalRun): Promise<void> {
    const path = join(this.#folder, `${prefix}-`);
    const until = performance.now() + CHILD_MS;
    while ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(path)) {
      if (performance.now() > until) throw new Error(`its child ${pid} has not ended`);
      await setTimeout(CHILD_LOOK_MS);
    }
  }

  async #setAside(left: readonly string[]): Promise<void> {
    const folder = join(this.#deps.recordsDir, '.work', `${ASIDE}${this.#id}`);
    const files = left.filter((name) => name !== JOURNAL_FILE && name !== REPORT_FILE);
    const reasons: Record<string, string> = {};
    for (const name of files) reasons[name] = this.#broken.get(name) ?? 'the journal does not tell of it';
    const report = { recordingId: this.#id, at: new Date().toISOString(), files: reasons };
    await writeFile(join(this.#folder, REPORT_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
    await rename(this.#folder, folder);
    const message = 'recording of an earlier run cannot be mended and is set aside';
    this.#log.error(message, { folder, files: reasons });
  }
}

/**
 * Removes what was of use to the process only that made it: unfinished copies, and indexes of files that may have lost
 * their ends since.
 */
async function removeAids(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.endsWith(COPY_SUFFIX) || name.endsWith(INDEX_SUFFIX))
      await rm(join(folder, name), { force: true });
}

/** Each once, in the order in which their media was recorded. */
function inOrder(runs: readonly JournalRun[]): readonly JournalRun[] {
  const ordered: JournalRun[] = [];
  const placeOf = (wanted: string): number => ordered.findIndex(({ prefix }) => prefix === wanted);
  for (const run of runs) {
    if (placeOf(run.prefix) >= 0) continue;
    const before = run.behind === undefined ? -1 : placeOf(run.behind);
    if (before < 0) ordered.push(run);
    else ordered.splice(before + 1, 0, run);
  }
  return ordered;
}

/** Where the first file begins that is left of a run. */
function beginOf(
  name: string,
  run: JournalRun,
  { parts }: JournalStory,
): Pick<PartFacts, 'startTimeMs' | 'startedAt'> {
  const before = parts.filter(({ file }) => file.startsWith(`${run.prefix}-`) && file < name).at(-1);
  return before === undefined
    ? { startTimeMs: run.startTimeMs, startedAt: run.startedAt }
    : { startTimeMs: before.endTimeMs, startedAt: before.endedAt };
}
