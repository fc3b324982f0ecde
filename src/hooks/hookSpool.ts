import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { FailedTries } from '../domain/hookRun.ts';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart, StopReason } from '../domain/recording.ts';
import { syncFolder, writeWhole } from '../storage/wholeFile.ts';
import { hasCode } from '../util/errorCode.ts';

/** A hook run that has not ended well yet. */
export interface OwedRun {
  /** Digits; the order of the ids is that of the runs, also across restarts. */
  readonly id: string;
  readonly part: FinishedPart;
  /** Undefined before the first failure. */
  readonly failed: FailedTries | undefined;
}

const ID_DIGITS = 12;
const ID = /^\d{12}$/;
const OWED = /^\d+\.json$/;
const TORN = /^\d+\.json\.tmp$/;

/** The files are our own, but a disk or a person may have touched them. */
const SPOOLED_RUN = z.object({
  recordingId: z.string(),
  mediaSessionId: z.string(),
  sessionId: z.string(),
  streamName: z.string(),
  path: z.string(),
  index: z.number(),
  last: z.boolean(),
  startedAt: z.number(),
  endedAt: z.number(),
  durationMs: z.number(),
  bytes: z.number(),
  container: z.string(),
  videoCodec: z.string().optional(),
  audioCodec: z.string().optional(),
  // A reason of another version is passed on as it is.
  stopReason: z.custom<StopReason>((value) => typeof value === 'string'),
  failed: z
    .object({
      reason: z.string(),
      exitCode: z.number().optional(),
      signal: z.string().optional(),
      output: z.string(),
      tries: z.number(),
      triedAt: z.number(),
      nextTryAt: z.number().optional(),
    })
    .optional(),
});

/**
 * Owed runs on disk, one small file each, so that none is lost with the process. Those that are parked are in a folder
 * of their own and known from there only: its files may be deleted at any time.
 */
export class HookSpool {
  readonly #dir: string;
  readonly #parkedDir: string;
  readonly #log: Logger;
  #sequence = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(dir: string, log: Logger) {
    this.#dir = dir;
    this.#parkedDir = join(dir, 'parked');
    this.#log = log;
  }

  /** Creates the folders and returns the runs of an earlier process, oldest first. Unreadable files are set aside. */
  async open(): Promise<OwedRun[]> {
    await mkdir(this.#parkedDir, { recursive: true });
    const names = (await readdir(this.#dir)).sort();
    const parked = await readdir(this.#parkedDir);
    this.#sequence = [...names, ...parked].reduce((highest, name) => Math.max(highest, sequenceOf(name)), 0);
    const runs: OwedRun[] = [];
    for (const name of names) {
      if (TORN.test(name)) await rm(join(this.#dir, name), { force: true });
      const run = OWED.test(name) ? await this.#read(join(this.#dir, name)) : undefined;
      // Without a next try it was about to be parked, or was asked for since.
      if (run !== undefined) runs.push(run.failed?.nextTryAt === undefined ? afresh(run) : run);
    }
    return runs;
  }

  /** The run that comes after all earlier ones; not on disk before {@link save}. */
  next(part: FinishedPart): OwedRun {
    return { id: String(++this.#sequence).padStart(ID_DIGITS, '0'), part, failed: undefined };
  }

  /** Writes a run, or what was tried for it since, through to the disk. Writes follow one another as called. */
  save(run: OwedRun): Promise<void> {
    const written = this.#lastWrite.then(() => this.#write(run));
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  /** Where the process of a run under way is noted. */
  pidFile(id: string): string {
    return join(this.#dir, `${id}.pid`);
  }

  /** Forgets a run that has ended. */
  async remove({ id }: OwedRun): Promise<void> {
    await rm(fileIn(this.#dir, id), { force: true });
  }

  /** Sets a run apart until somebody asks for it. @returns the ids of the oldest above `max`, which are dropped. */
  async park(run: OwedRun, max: number): Promise<readonly string[]> {
    await this.save(run);
    await rename(fileIn(this.#dir, run.id), fileIn(this.#parkedDir, run.id));
    await syncFolder(this.#parkedDir);
    await syncFolder(this.#dir);
    const dropped = (await this.parkedIds()).slice(0, -max);
    for (const id of dropped) await rm(fileIn(this.#parkedDir, id), { force: true });
    return dropped;
  }

  /** Ids of the runs that are parked, oldest first. */
  async parkedIds(): Promise<string[]> {
    const names = (await readdir(this.#parkedDir)).filter((name) => OWED.test(name));
    return names.map((name) => name.replace('.json', '')).sort();
  }

  /** The oldest runs that are parked, at most `max`. */
  async parked(max: number): Promise<OwedRun[]> {
    const runs: OwedRun[] = [];
    for (const id of (await this.parkedIds()).slice(0, max)) {
      const run = await this.#read(fileIn(this.#parkedDir, id));
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  /** Owes a parked run anew, as if nothing had been tried. @returns undefined when no such run is parked. */
  async unpark(id: string): Promise<OwedRun | undefined> {
    if (!ID.test(id)) return undefined;
    const run = await this.#read(fileIn(this.#parkedDir, id));
    if (run === undefined) return undefined;
    try {
      await rename(fileIn(this.#parkedDir, id), fileIn(this.#dir, id));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    return afresh(run);
  }

  async #write({ id, part, failed }: OwedRun): Promise<void> {
    const text = `${JSON.stringify(failed === undefined ? part : { ...part, failed })}\n`;
    await writeWhole(fileIn(this.#dir, id), text);
  }

  /** Undefined when it is gone, or unreadable and set aside. */
  async #read(path: string): Promise<OwedRun | undefined> {
    try {
      const { failed, ...part } = SPOOLED_RUN.parse(JSON.parse(await readFile(path, 'utf8')));
      const { videoCodec, audioCodec } = part;
      return {
        id: basename(path, '.json'),
        part: { ...part, videoCodec, audioCodec },
        failed: failed && {
          ...failed,
          ...{ exitCode: failed.exitCode, signal: failed.signal, nextTryAt: failed.nextTryAt },
        },
      };
    } catch (err) {
      if (hasCode(err, 'ENOENT')) return undefined;
      this.#log.error('owed hook run is unreadable and set aside', { file: `${path}.bad`, err });
      await rename(path, `${path}.bad`);
      return undefined;
    }
  }
}

function afresh({ id, part }: OwedRun): OwedRun {
  return { id, part, failed: undefined };
}

function fileIn(folder: string, id: string): string {
  return join(folder, `${id}.json`);
}

function sequenceOf(name: string): number {
  return Number(/^\d+/.exec(name)?.[0] ?? 0);
}
