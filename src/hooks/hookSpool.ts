import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Logger } from '../domain/log.ts';
import type { FinishedPart, StopReason } from '../domain/recording.ts';

/** A hook run that has not ended yet. */
export interface OwedRun {
  /** Order of the runs, also across restarts. */
  readonly sequence: number;
  readonly part: FinishedPart;
}

const SEQUENCE_DIGITS = 12;
const OWED = /^\d+\.json$/;
const TORN = /^\d+\.json\.tmp$/;

/** The files are our own, but a disk or a person may have touched them. */
const SPOOLED_PART = z.object({
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
});

/** Owed runs on disk, one small file each, so that none is lost with the process. */
export class HookSpool {
  readonly #dir: string;
  readonly #log: Logger;
  #sequence = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(dir: string, log: Logger) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Creates the folder and returns the runs of an earlier process, oldest first. Unreadable files are set aside. */
  async open(): Promise<OwedRun[]> {
    await mkdir(this.#dir, { recursive: true });
    const names = (await readdir(this.#dir)).sort();
    this.#sequence = names.reduce((highest, name) => Math.max(highest, sequenceOf(name)), 0);
    const runs: OwedRun[] = [];
    for (const name of names) {
      if (TORN.test(name)) await rm(join(this.#dir, name), { force: true });
      const part = OWED.test(name) ? await this.#read(name) : undefined;
      if (part !== undefined) runs.push({ sequence: sequenceOf(name), part });
    }
    return runs;
  }

  /** The run that comes after all earlier ones; not on disk before {@link save}. */
  next(part: FinishedPart): OwedRun {
    return { sequence: ++this.#sequence, part };
  }

  /** Writes a run through to the disk. Writes follow one another in the order of the calls. */
  save(run: OwedRun): Promise<void> {
    const written = this.#lastWrite.then(() => this.#write(run));
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  /** Forgets a run that has ended. */
  async remove(run: OwedRun): Promise<void> {
    await rm(this.#pathOf(run), { force: true });
  }

  async #write(run: OwedRun): Promise<void> {
    const path = this.#pathOf(run);
    const temporary = `${path}.tmp`;
    try {
      await writeThrough(temporary, `${JSON.stringify(run.part)}\n`);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    const folder = await open(this.#dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async #read(name: string): Promise<FinishedPart | undefined> {
    const path = join(this.#dir, name);
    try {
      const part = SPOOLED_PART.parse(JSON.parse(await readFile(path, 'utf8')));
      return { ...part, videoCodec: part.videoCodec, audioCodec: part.audioCodec };
    } catch (err) {
      this.#log.error('owed hook run is unreadable and set aside', { file: `${path}.bad`, err });
      await rename(path, `${path}.bad`);
      return undefined;
    }
  }

  #pathOf(run: OwedRun): string {
    return join(this.#dir, `${String(run.sequence).padStart(SEQUENCE_DIGITS, '0')}.json`);
  }
}

function sequenceOf(name: string): number {
  return Number(/^\d+/.exec(name)?.[0] ?? 0);
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
