import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdMount } from './heldMount.ts';
import type { HeldMount } from './heldMount.ts';

// A user namespace lets everybody mount; its file systems are reached from outside by way of a process in it.
const UNSHARE = ['--user', '--map-root-user', '--mount'];

/** Why there can be no small disk here; undefined when there can. */
export function noSmallDisk(): string | undefined {
  const { status, stderr, error } = spawnSync(
    'unshare',
    [...UNSHARE, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** A real file system of few bytes, and no others on it. */
export class SmallDisk {
  /** Its root, for any process of this user. */
  readonly path: string;
  readonly #mount: HeldMount;
  #fills = 0;

  private constructor(mount: HeldMount) {
    this.path = mount.path;
    this.#mount = mount;
  }

  /** @param size as mount(8) takes it, e.g. `8m`. */
  static async mount(size: string): Promise<SmallDisk> {
    return new SmallDisk(await holdMount(UNSHARE, ['-t', 'tmpfs', '-o', `size=${size}`, 'small']));
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes space until at most `leaveBytes` are free. @returns gives it back. */
  fill(leaveBytes = 0): () => void {
    const path = join(this.path, `fill-${this.#fills++}`);
    const file = openSync(path, 'w');
    try {
      for (let free = this.freeBytes; free > leaveBytes; free = this.freeBytes) {
        writeSync(file, Buffer.alloc(Math.min(65_536, free - leaveBytes), 1));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    return () => rmSync(path);
  }

  /** Writes a file. @throws ENOSPC when it does not fit; what fitted stays. */
  write(name: string, bytes: number): void {
    writeFileSync(join(this.path, name), Buffer.alloc(bytes, 1));
  }

  /** Frees the memory; nothing may use the disk any more. */
  unmount(): void {
    this.#mount.close();
  }
}
