import { stat } from 'node:fs/promises';
import type { Logger } from '../domain/log.ts';
import { frontLoadMp4 } from '../media/mp4/frontLoad.ts';
import type { DiskSpace } from './diskSpace.ts';

/** Ends the name of a copy that is being made of a working file. */
export const COPY_SUFFIX = '.faststart';

/** Moves the index of finished MP4s to their front, which takes a copy. */
export class Faststart {
  readonly #disk: DiskSpace;
  readonly #log: Logger;

  constructor(disk: DiskSpace, log: Logger) {
    this.#disk = disk;
    this.#log = log;
  }

  /**
   * Puts a copy with the index at its front in the place of the plain MP4 at `path`. Where that cannot be, for want of
   * room above all, the file stays as it is. May be repeated. @returns its size.
   */
  async apply(path: string): Promise<number> {
    const { size } = await stat(path);
    const says = 'index stays at the end of a record';
    try {
      if (await this.#disk.canSpare(size)) return await frontLoadMp4(path, path + COPY_SUFFIX);
      this.#log.warn(says, { file: path, reason: 'the disk has no room for a copy' });
    } catch (err) {
      this.#log.warn(says, { file: path, err });
    }
    return size;
  }
}
