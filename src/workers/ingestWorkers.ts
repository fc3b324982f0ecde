import { performance } from 'node:perf_hooks';
import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Recordings } from '../recorder/recordings.ts';
import type { Placement } from '../tcp/crossing.ts';
import { IngestWorker } from './ingestWorker.ts';
import type { WorkerHost } from './ingestWorker.ts';
import type { Encoder, WorkerSettings } from './messages.ts';
import { Pressure } from './pressure.ts';

/** What a worker goes by. @param index its number, from 1. */
export type SettingsOf = (index: number) => WorkerSettings;

/** How many processes receive streams besides the supervisor. */
export interface WorkersOptions {
  /** At most so many; 0 has none. */
  readonly max: number;
  /** True: they are started when the supervisor is busy, and only then. False: all at the start, for all streams. */
  readonly asNeeded: boolean;
}

/** What the pool works with. */
export interface WorkersDeps extends Omit<WorkerHost, 'onFigures' | 'onGone'> {
  /** Those of the supervisor itself. */
  readonly recordings: Pick<Recordings, 'load' | 'awaitedNames' | 'recover'>;
}

/** From here on new streams go to workers. */
const BUSY = 0.6;
/** From here on a worker is made ready, which takes a moment. */
const RATHER_BUSY = 0.45;
/** The event loop is looked at so often. */
const LOOK_MS = 1000;
/** A worker that was started as needed, and has had nothing to do for so long, ends. */
const IDLE_MS = 300_000;
/** A worker tells its figures every second. */
const SILENT_MS = 20_000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

/** The processes that receive and record streams besides the supervisor, and who of them gets the next stream. */
export class IngestWorkers {
  readonly #deps: WorkersDeps;
  readonly #options: WorkersOptions;
  readonly #workers = new Set<IngestWorker>();
  /** Since when a worker has had nothing to do; `performance.now()`. */
  readonly #idleSince = new Map<IngestWorker, number>();
  /** Those that told nothing for long at the last look. */
  readonly #silent = new WeakSet<IngestWorker>();
  #settingsOf: SettingsOf;
  #timer: NodeJS.Timeout | undefined;
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  /** Of the supervisor. */
  readonly pressure = new Pressure();
  #failures = 0;
  #retryAt = 0;
  #isClosed = false;

  constructor(deps: WorkersDeps, settingsOf: SettingsOf, options: WorkersOptions) {
    this.#deps = deps;
    this.#settingsOf = settingsOf;
    this.#options = options;
  }

  get all(): readonly IngestWorker[] {
    return [...this.#workers];
  }

  /** Starts those that are wanted from the start. @throws Error when one of them cannot start. */
  async open(): Promise<void> {
    const { max, asNeeded } = this.#options;
    if (max === 0) return;
    if (!asNeeded) await Promise.all(Array.from({ length: max }, () => this.#begin()));
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Has what begins from now on go by other settings. Never rejects. */
  async use(settingsOf: SettingsOf): Promise<void> {
    this.#settingsOf = settingsOf;
    await this.#each((worker) => worker.channel.call('use', settingsOf(worker.index)));
  }

  /** Who serves the publishers that connect to a listener. */
  placement(encoder: Encoder): Placement | undefined {
    if (this.#options.max === 0) return undefined;
    return { find: (streamName) => this.find(streamName)?.taker(encoder) };
  }

  /**
   * The worker that is to have a new stream; undefined: the supervisor itself.
   * @param isAble leaves out workers that cannot have it.
   */
  find(streamName: string, isAble: (worker: IngestWorker) => boolean = () => true): IngestWorker | undefined {
    if (this.#isClosed || this.#deps.recordings.awaitedNames.includes(streamName)) return undefined;
    const ready = [...this.#workers].filter((worker) => worker.isReady && isAble(worker));
    const awaiting = ready.find((worker) => worker.awaits(streamName));
    if (awaiting !== undefined || !this.#options.asNeeded)
      return awaiting ?? least(ready, ({ load }) => load);
    const found = this.#calmest(ready);
    (found ?? this).pressure.start();
    this.#beginIfNeeded();
    return found;
  }

  /** Undefined where the supervisor is not busy, or no worker is calmer. */
  #calmest(ready: readonly IngestWorker[]): IngestWorker | undefined {
    const { expected } = this.pressure;
    if (expected < BUSY) return undefined;
    const calmest = least(ready, ({ pressure }) => pressure.expected);
    return calmest === undefined || calmest.pressure.expected > expected ? undefined : calmest;
  }

  /** Ids of recordings that have files to come. */
  get unfinished(): readonly string[] {
    return this.all.flatMap(({ mirror }) => [...mirror.unfinished]);
  }

  /** Recordings that are open in all workers but one. */
  openRecordings(except?: IngestWorker): number {
    return this.all.reduce((sum, worker) => sum + (worker === except ? 0 : worker.openRecordings), 0);
  }

  /** Refuses what begins; resolves when what has arrived is in the streams. Never rejects. */
  async drain(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#each((worker) => worker.channel.call('drain', undefined));
  }

  /** Ends every recording; resolves when their files are final. Never rejects. */
  async finish(): Promise<void> {
    await this.#each((worker) => worker.channel.call('finish', undefined));
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await Promise.all(this.all.map((worker) => worker.close()));
  }

  async #each(job: (worker: IngestWorker) => Promise<unknown>): Promise<void> {
    await Promise.allSettled(this.all.map(job));
  }

  async #begin(): Promise<void> {
    const taken = new Set(this.all.map(({ index }) => index));
    let index = 1;
    while (taken.has(index)) index++;
    const worker = new IngestWorker(index, {
      ...this.#deps,
      onFigures: () => this.#share(),
      onGone: (each, left) => this.#gone(each, left),
    });
    this.#workers.add(worker);
    try {
      await worker.start(this.#settingsOf(index));
      this.#failures = 0;
    } catch (error) {
      worker.kill();
      throw error;
    }
  }

  #look(): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    this.pressure.look(utilization);
    this.#endSilent();
    if (this.#options.asNeeded) this.#endIdle();
    this.#beginIfNeeded();
  }

  #beginIfNeeded(): void {
    const { max, asNeeded } = this.#options;
    const isWanted = !asNeeded || this.#isAnotherNeeded();
    if (isWanted && this.#workers.size < max && performance.now() >= this.#retryAt) this.#beginLater();
  }

  /** True when whoever takes streams now is about to have enough. */
  #isAnotherNeeded(): boolean {
    const isEnough = ({ expected }: Pressure): boolean => expected >= RATHER_BUSY;
    return (
      isEnough(this.pressure) && this.all.every(({ isReady, pressure }) => isReady && isEnough(pressure))
    );
  }

  #beginLater(): void {
    this.#retryAt = performance.now() + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    this.#begin().catch((err: unknown) => this.#deps.log.error('ingest worker cannot start', { err }));
  }

  /** One that hangs is ended, so that what it recorded is finished. This process may have slept itself: it looks twice. */
  #endSilent(): void {
    for (const worker of this.#workers) {
      const isSilent = worker.isReady && worker.silentMs > SILENT_MS;
      if (isSilent && this.#silent.has(worker)) {
        this.#deps.log.error('ingest worker hangs and is killed', { worker: worker.index, pid: worker.pid });
        worker.kill();
      }
      if (isSilent) this.#silent.add(worker);
      else this.#silent.delete(worker);
    }
  }

  #endIdle(): void {
    const now = performance.now();
    for (const worker of this.#workers) {
      const isIdle = worker.isReady && worker.load === 0 && worker.openRecordings === 0;
      const since = isIdle ? (this.#idleSince.get(worker) ?? now) : undefined;
      if (since === undefined) this.#idleSince.delete(worker);
      else this.#idleSince.set(worker, since);
      if (since !== undefined && now - since >= IDLE_MS) void worker.close();
    }
  }

  /** Tells the others how many recordings there are besides their own. */
  #share(): void {
    const { active, finishing, waiting } = this.#deps.recordings.load();
    const own = active + finishing + waiting;
    for (const worker of this.#workers) worker.tellOthers(own + this.openRecordings(worker));
  }

  #gone(worker: IngestWorker, left: readonly string[]): void {
    this.#workers.delete(worker);
    this.#idleSince.delete(worker);
    void this.#deps.recordings.recover(left);
  }
}

function least<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>(
    (few, each) => (few === undefined || value(each) < value(few) ? each : few),
    undefined,
  );
}
