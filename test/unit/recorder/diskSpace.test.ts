import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseFreeSpaceLimit } from '../../../src/domain/freeSpace.ts';
import { DiskSpace } from '../../../src/recorder/diskSpace.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { noSmallDisk, SmallDisk } from '../../support/smallDisk.ts';

const MB = 2 ** 20;
const unable = noSmallDisk();

describe.skipIf(unable !== undefined)(`a disk of 16 MB ${unable ?? ''}`, () => {
  const log = memoryLog();
  let small: SmallDisk;
  let space: DiskSpace;
  let events: string[];

  beforeEach(async () => {
    small = await SmallDisk.mount('16m');
    mkdirSync(join(small.path, '.work'));
    log.lines.length = 0;
  });

  afterEach(() => small.unmount());

  function watch(warn: string, stop: string): void {
    const [warnFree, stopFree] = [parseFreeSpaceLimit(warn), parseFreeSpaceLimit(stop)];
    space = new DiskSpace({ recordsDir: small.path, warnFree, stopFree, checkMs: 1000 }, log);
    events = [];
    space.events.on('full', () => events.push('full')).on('room', () => events.push('room'));
  }

  /** The state that is seen with this much free. */
  async function stateWith(freeBytes: number): Promise<string> {
    const giveBack = small.fill(freeBytes);
    await space.check();
    giveBack();
    return space.state;
  }

  test('is low and full below the limits, and leaves both with a quarter more', async () => {
    watch('8M', '4M');
    expect(await stateWith(9 * MB)).toBe('ok');
    expect(await stateWith(7 * MB)).toBe('low');
    expect(await stateWith(9 * MB)).toBe('low');
    expect(await stateWith(3 * MB)).toBe('full');
    expect(await stateWith(4.5 * MB)).toBe('full');
    expect(await stateWith(5.5 * MB)).toBe('low');
    expect(await stateWith(3 * MB)).toBe('full');
    expect(await stateWith(11 * MB)).toBe('ok');
    expect(events).toEqual(['full', 'room', 'full', 'room']);
    // One line for each change.
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'error', 'info', 'error', 'info']);
  });

  test('without limits it is never full, before a write fails', async () => {
    watch('', '');
    expect(await stateWith(0)).toBe('ok');
    const giveBack = small.fill();
    space.reportFull();
    expect(space.state).toBe('full');
    await space.check();
    expect(space.state).toBe('full');
    giveBack();
    await space.check();
    expect(events).toEqual(['full', 'room']);
  });

  test('room that did not last must show for twice as long', async () => {
    watch('', '4M');
    for (const checks of [1, 2, 4, 8]) {
      space.reportFull();
      for (let seen = 1; seen <= checks; seen++) {
        expect(space.state).toBe('full');
        await space.check();
      }
      expect(space.state).toBe('ok');
    }
    // What the limit stops begins again at once: there was room all the time.
    expect(await stateWith(3 * MB)).toBe('full');
    await space.check();
    expect(space.state).toBe('ok');
  });

  test('a job waits for room as long as it fails for want of it, and no longer', async () => {
    watch('', '');
    let giveBack = small.fill();
    const write = (): Promise<string> => {
      small.write('file', 2 * MB);
      return Promise.resolve('written');
    };
    let result: string | undefined;
    const done = space.untilRoom(write).then((written) => (result = written));
    await space.check();
    expect([space.state, result]).toEqual(['full', undefined]);
    giveBack();
    // Room, but not for all of it.
    giveBack = small.fill(1.5 * MB);
    await space.check();
    await space.check();
    expect(result).toBeUndefined();
    giveBack();
    for (let i = 0; i < 4; i++) await space.check();
    await done;
    expect(result).toBe('written');
    await expect(space.untilRoom(() => Promise.reject(new Error('other')))).rejects.toThrow('other');
  });

  test('a folder that is gone is said once, and changes nothing', async () => {
    watch('8M', '4M');
    rmSync(join(small.path, '.work'), { recursive: true });
    await space.check();
    await space.check();
    expect(log.lines.map(({ message }) => message)).toEqual(['free space cannot be seen']);
    mkdirSync(join(small.path, '.work'));
    expect(await stateWith(3 * MB)).toBe('full');
  });
});
