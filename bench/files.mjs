// Watches a folder and notes when each file of one kind in it became whole.
import { closeSync, existsSync, openSync, readSync, readdirSync, fstatSync, watch } from 'node:fs';
import { Buffer } from 'node:buffer';
import { extname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';

/** True when the file's boxes fill it exactly and one of them is `moov` (ISO/IEC 14496-12, 4.2). */
function isWholeMp4(path) {
  let file;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    const { size } = fstatSync(file);
    const header = Buffer.alloc(16);
    let at = 0;
    let hasIndex = false;
    while (at + 8 <= size) {
      readSync(file, header, 0, 16, at);
      hasIndex ||= header.toString('latin1', 4, 8) === 'moov';
      const short = header.readUInt32BE(0);
      const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short;
      if (length < 8) return false;
      at += length;
    }
    return hasIndex && at === size;
  } finally {
    closeSync(file);
  }
}

/** What comes by renaming, as a WebM does in all servers measured, is whole when it is there. */
const isWhole = (path) => (extname(path) === '.mp4' ? isWholeMp4(path) : existsSync(path));

/**
 * Starts watching. `finished()` resolves with the epoch milliseconds at which each name became a whole file, once
 * there are `count` or after `timeoutMs` with what there is.
 */
export function watchFiles(folder, extension = 'mp4') {
  const whole = new Map();
  let changed = () => undefined;
  const look = (name) => {
    if (!name?.endsWith(`.${extension}`) || whole.has(name) || !isWhole(join(folder, name))) return;
    whole.set(name, performance.timeOrigin + performance.now());
    changed();
  };
  const watcher = watch(folder, (_event, name) => look(name));
  return {
    finished: (count, timeoutMs) =>
      new Promise((resolve) => {
        const settle = () => {
          clearTimeout(timer);
          watcher.close();
          resolve(whole);
        };
        const timer = setTimeout(() => {
          for (const name of readdirSync(folder)) look(name);
          settle();
        }, timeoutMs);
        changed = () => {
          if (whole.size >= count) settle();
        };
        changed();
      }),
  };
}
