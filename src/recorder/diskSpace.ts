import { EventEmitter, once } from 'node:events';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { limitOn } from '../domain/freeSpace.ts';
import type { DiskRoom, FreeSpaceLimit } from '../domain/freeSpace.ts';
import type { Logger } from '../domain/log.ts';
import { isNoSpace } from './noSpace.ts';

export interface DiskSpaceOptions {
  /** Absolute. Its work folder `.work` may be another file system: the one with less room counts. */
  readonly recordsDir: string;
  /** Below it the disk is low. */
  readonly warnFree: FreeSpaceLimit;
  /** Below it the disk is full. */
  readonly stopFree: FreeSpaceLimit;
  readonly checkMs: number;
}

export type DiskState = 'ok' | 'low' | 'full';

interface DiskSpaceEvents {
  /** Nothing more is to be written from now on. */
  full: [];
  /** The disk is full no longer. */
  room: [];
}

/** A state is left only when there is so much more room than where it begins: a disk at the limit does not flicker. */
const LEAVE_FACTOR = 1.25;
/** Room that a full disk must have again in any case: this, or a twentieth of a small disk. */
const MIN_ROOM_BYTES = 64 * 2 ** 20;
const MIN_ROOM_SHARE = 0.05;
/** What is written to see that the room is not on paper only: a quota or reserved blocks may stand before it. */
const PROBE_BYTES = 2 ** 20;
const PROBE_FILE = 'probe';
/** Room that was found and is gone again within this time did not last: the next one must show for twice as long. */
const SHORT_MS = 60_000;
const MAX_CHECKS = 64;

/** Watches the room on the disk of the records, and knows of writes that failed for want of it. */
export class DiskSpace {
  readonly events = new EventEmitter<DiskSpaceEvents>();
  #options: DiskSpaceOptions;
  readonly #log: Logger;
  #state: DiskState = 'ok';
  #room: DiskRoom | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;
  #isBlind = false;
  /** Failed writes that were reported, and the checks in a row that found room since. */
  #reports = 0;
  #goodChecks = 0;
  #neededChecks = 1;
  #leftFullAt = -Infinity;

  constructor(options: DiskSpaceOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    // One listener for each part that waits.
    this.events.setMaxListeners(0);
  }

  get state(): DiskState {
    return this.#state;
  }

  /** What was found last; undefined before. */
  get room(): DiskRoom | undefined {
    return this.#room;
  }

  /** Looks once, and then every `checkMs` until {@link close}. */
  async open(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.check(), this.#options.checkMs);
    await this.check();
  }

  /** Takes other limits, and looks by them at once. */
  async use(options: DiskSpaceOptions): Promise<void> {
    this.#options = options;
    await this.open();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A write failed for want of space: the disk is full until room shows, whatever the limits say. */
  reportFull(): void {
    this.#reports++;
    this.#goodChecks = 0;
    if (this.#state === 'full') return;
    const isShort = performance.now() - this.#leftFullAt < SHORT_MS;
    this.#neededChecks = isShort ? Math.min(MAX_CHECKS, this.#neededChecks * 2) : 1;
    this.#move('full', {});
  }

  /** Runs `job`, which may be repeated, again each time there is room as long as it fails for want of space. */
  async untilRoom<T>(job: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await job();
      } catch (err) {
        if (!isNoSpace(err)) throw err;
        this.reportFull();
        this.#log.warn('file cannot be finished before the disk has room', { err });
        await new Promise<void>((resolve) => this.events.once('room', resolve));
      }
    }
  }

  /** True when `job` is done, false when the disk became full before. */
  async unlessFull(job: Promise<void>): Promise<boolean> {
    const settled = new AbortController();
    const full = once(this.events, 'full', { signal: settled.signal }).then(
      () => false,
      () => false,
    );
    try {
      return await Promise.race([job.then(() => true), full]);
    } finally {
      settled.abort();
    }
  }

  /** True when `bytes` more leave the disk above where it is full. */
  async canSpare(bytes: number): Promise<boolean> {
    const { recordsDir, stopFree } = this.#options;
    const { freeBytes, totalBytes } = await roomIn(join(recordsDir, '.work'));
    return this.#state !== 'full' && freeBytes - bytes >= limitOn(totalBytes, stopFree) * LEAVE_FACTOR;
  }

  /** As it is now on the disk of the finished records, whatever is left on that of the work folder. */
  recordsRoom(): Promise<DiskRoom> {
    return roomIn(this.#options.recordsDir);
  }

  /** Looks at the room now. Never rejects. */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#look();
      this.#isBlind = false;
    } catch (err) {
      if (!this.#isBlind) this.#log.error('free space cannot be seen', { err });
      this.#isBlind = true;
    }
    this.#isChecking = false;
  }

  async #look(): Promise<void> {
    const reports = this.#reports;
    const { recordsDir, warnFree, stopFree } = this.#options;
    const rooms = await Promise.all([roomIn(recordsDir), roomIn(join(recordsDir, '.work'))]);
    const room = rooms.reduce((less, each) => (each.freeBytes < less.freeBytes ? each : less));
    this.#room = room;
    const { freeBytes, totalBytes } = room;
    const [stop, warn] = [limitOn(totalBytes, stopFree), limitOn(totalBytes, warnFree)];
    const below = (state: DiskState, limit: number): boolean =>
      freeBytes < (this.#state === state ? limit * LEAVE_FACTOR : limit);
    if (below('full', stop) || (this.#state === 'full' && !(await this.#hasRoom(room)))) {
      this.#goodChecks = 0;
      if (this.#state === 'full') return;
      this.#neededChecks = 1;
      this.#move('full', room);
      return;
    }
    // A write failed while this check looked.
    if (reports !== this.#reports || (this.#state === 'full' && ++this.#goodChecks < this.#neededChecks))
      return;
    const next = below('low', warn) ? 'low' : 'ok';
    if (next !== this.#state) this.#move(next, room);
  }

  /** True when a full disk can be written again. */
  async #hasRoom({ freeBytes, totalBytes }: DiskRoom): Promise<boolean> {
    const needed = Math.min(MIN_ROOM_BYTES, totalBytes * MIN_ROOM_SHARE);
    if (freeBytes < needed) return false;
    const path = join(this.#options.recordsDir, '.work', PROBE_FILE);
    try {
      const file = await open(path, 'w', 0o640);
      try {
        await file.writeFile(Buffer.alloc(Math.min(PROBE_BYTES, Math.round(needed))));
        await file.sync();
      } finally {
        await file.close();
      }
      return true;
    } catch (error) {
      if (isNoSpace(error)) return false;
      throw error;
    } finally {
      await rm(path, { force: true }).catch(() => undefined);
    }
  }

  #move(to: DiskState, facts: Partial<DiskRoom>): void {
    const from = this.#state;
    this.#state = to;
    if (to === 'full') {
      this.#log.error('disk is full: recordings end, and wait for room', facts);
      this.events.emit('full');
      return;
    }
    if (from === 'ok') this.#log.warn('disk is low on free space', facts);
    else this.#log.info('disk has room again', { ...facts, state: to });
    if (from !== 'full') return;
    this.#leftFullAt = performance.now();
    this.events.emit('room');
  }
}

async function roomIn(folder: string): Promise<DiskRoom> {
  const { bsize, bavail, blocks } = await statfs(folder);
  // Some network file systems do not tell.
  if (blocks === 0) return { freeBytes: Infinity, totalBytes: Infinity };
  return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
}
