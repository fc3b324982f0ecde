import { isDeepStrictEqual } from 'node:util';
import type { DiskRoom } from '../domain/freeSpace.ts';
import type { Logger } from '../domain/log.ts';
import { hasLimits, isDeletable, planRetention, RETENTION_REASONS } from '../domain/retention.ts';
import type { RetentionDeletion, RetentionReason, RetentionRules } from '../domain/retention.ts';
import { partKey } from '../domain/recording.ts';
import { Counts } from '../util/counts.ts';
import type { Catalogue } from './catalogue.ts';

export interface RetentionOptions {
  readonly rules: RetentionRules;
  readonly intervalMs: number;
  /** Only says what it would delete. */
  readonly dryRun: boolean;
}

export interface RetentionDeps {
  readonly catalogue: Catalogue;
  /** Of the disk that the records are on. */
  readonly room: () => Promise<DiskRoom>;
  readonly log: Logger;
}

/** Deletes finished files by the rules, one after another, each with a line of the log. */
export class Retention {
  /** Files deleted since the start, by why; and their bytes. */
  readonly deleted = new Counts<RetentionReason>(RETENTION_REASONS);
  deletedBytes = 0;
  #options: RetentionOptions;
  readonly #deps: RetentionDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<readonly RetentionDeletion[]> | undefined;
  #isClosed = false;
  /** Files of which a dry run has told. */
  #told = new Set<string>();

  constructor(options: RetentionOptions, deps: RetentionDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get dryRun(): boolean {
    return this.#options.dryRun;
  }

  /** Begins, if there is any limit. */
  open(): void {
    clearInterval(this.#timer);
    const { rules, intervalMs } = this.#options;
    if (!hasLimits(rules)) return;
    const run = (): void => {
      this.run().catch((err: unknown) => this.#deps.log.error('retention failed', { err }));
    };
    this.#timer = setInterval(run, intervalMs);
  }

  /** Goes by other options from now on; a run under way ends. */
  use(options: RetentionOptions): void {
    if (this.#isClosed || isDeepStrictEqual(options, this.#options)) return;
    this.#options = options;
    this.#told.clear();
    this.open();
  }

  /** Deletes nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#running?.catch(() => undefined);
  }

  /** What a run would delete now. */
  async plan(): Promise<readonly RetentionDeletion[]> {
    const room = await this.#deps.room();
    return planRetention(this.#deps.catalogue.files(), this.#options.rules, { now: Date.now(), room });
  }

  /** Deletes what is to be deleted now, unless this is a dry run. A run under way is waited for instead. @returns it. */
  run(): Promise<readonly RetentionDeletion[]> {
    return (this.#running ??= this.#run().finally(() => (this.#running = undefined)));
  }

  async #run(): Promise<readonly RetentionDeletion[]> {
    const options = this.#options;
    const planned = await this.plan();
    if (options.dryRun) {
      this.#tell(planned);
      return planned;
    }
    const deleted: RetentionDeletion[] = [];
    for (const deletion of planned) {
      if (options !== this.#options) break;
      if (await this.#delete(deletion)) deleted.push(deletion);
    }
    return deleted;
  }

  async #delete(deletion: RetentionDeletion): Promise<boolean> {
    const { catalogue, log } = this.#deps;
    // Its hook may have been asked for since.
    const file = this.#isClosed ? undefined : catalogue.file(deletion.file);
    if (file === undefined || !isDeletable(file, this.#options.rules)) return false;
    try {
      await catalogue.remove(file);
      this.deleted.add(deletion.reason);
      this.deletedBytes += file.bytes;
      log.info('file is deleted by retention', factsOf(deletion));
      return true;
    } catch (err) {
      log.error('file cannot be deleted by retention', { ...factsOf(deletion), err });
      return false;
    }
  }

  #tell(planned: readonly RetentionDeletion[]): void {
    const told = new Set<string>();
    for (const deletion of planned) {
      const key = partKey(deletion.file.recordingId, deletion.file.partIndex);
      if (!this.#told.has(key)) this.#deps.log.info('file would be deleted by retention', factsOf(deletion));
      told.add(key);
    }
    this.#told = told;
  }
}

function factsOf({ file, reason, pattern }: RetentionDeletion) {
  const { fileName, recordingId, streamName, bytes, endedAt, hookState } = file;
  const ended = new Date(endedAt).toISOString();
  return { file: fileName, recordingId, streamName, bytes, ended, hookState, reason, pattern };
}
