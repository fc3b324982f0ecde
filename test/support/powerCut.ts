import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdMount } from './heldMount.ts';
import type { HeldMount } from './heldMount.ts';

const UNSHARE = ['--mount'];
const SIZE = '64M';
/** Only what asks for it is written within the time of a test: Linux itself begins after 30 s, ext4's journal after this. */
const OPTIONS = 'loop,commit=600';

/** Why the power of a disk cannot be cut here; undefined when it can. */
export function noPowerCut(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-disk-'));
  try {
    const image = makeImage(folder);
    const command = [...UNSHARE, 'mount', '-o', OPTIONS, image, folder];
    const { status, stderr, error } = spawnSync('unshare', command, { encoding: 'utf8' });
    return status === 0 ? undefined : (error?.message ?? stderr.trim());
  } catch (error) {
    return String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A disk with ext4 whose power can be cut: what Linux has not written to it is lost. */
export class PowerCutDisk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'recorderd-image-'));
  readonly #mounts: HeldMount[] = [];
  #image = makeImage(this.#folder);

  /** @returns its root. */
  async mount(): Promise<string> {
    const mount = await holdMount(UNSHARE, ['-o', OPTIONS, this.#image]);
    this.#mounts.push(mount);
    return mount.path;
  }

  /** Goes on with the bytes that are on the disk now, to be mounted anew. No process may write meanwhile. */
  cut(): void {
    const left = join(this.#folder, 'left');
    copyFileSync(this.#image, left);
    this.#image = left;
  }

  close(): void {
    for (const mount of this.#mounts) mount.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function makeImage(folder: string): string {
  const image = join(folder, 'image');
  execFileSync('mkfs.ext4', ['-q', '-F', image, SIZE], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/sbin:/usr/sbin` },
  });
  return image;
}
