import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** A mount in a namespace of its own: nobody else sees it, and it goes when the process ends that made it. */
export interface HeldMount {
  /** Its root, for any process of this user. */
  readonly path: string;
  /** Gives it up; nothing may use it any more. */
  close(): void;
}

/**
 * @param unshare arguments of unshare(1).
 * @param mount arguments of mount(8), without the mount point.
 */
export async function holdMount(unshare: readonly string[], mount: readonly string[]): Promise<HeldMount> {
  const point = mkdtempSync(join(tmpdir(), 'recorderd-disk-'));
  // Lasts as long as its standard input is open.
  const script = 'mount "$@" && exec cat';
  const holder = spawn('unshare', [...unshare, 'sh', '-c', script, 'sh', ...mount, point], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await eventually(
    () => {
      if (holder.exitCode !== null) throw new Error(`mount ${mount.join(' ')}: exit ${holder.exitCode}`);
      return readFileSync(`/proc/${holder.pid}/mounts`, 'utf8').includes(` ${point} `) ? true : undefined;
    },
    `mount ${mount.join(' ')}`,
  );
  return {
    path: `/proc/${holder.pid}/root${point}`,
    close() {
      holder.stdin.end();
      rmSync(point, { recursive: true, force: true });
    },
  };
}
