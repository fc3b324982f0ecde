import { openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const OWN = '/proc/self';
/** Linux's O_CLOEXEC, as proc(5) shows it in fdinfo. */
const CLOSE_ON_EXEC = 0o2000000;

/** What /proc calls each socket that was looked at, by descriptor, and which of them children would get. */
const seen = new Map<number, string>();
const foreign = new Set<number>();
let nothing: number | undefined;

/**
 * Looks for sockets that native code has opened without close-on-exec. Children would keep them open, and with them
 * their ports, for as long as they run. To be called when there may be a new one; takes some microseconds for each open
 * descriptor.
 */
export function findForeignSockets(): void {
  for (const name of readdirSync(`${OWN}/fd`)) {
    const fd = Number(name);
    const link = linkOf(fd);
    if (fd <= 2 || link === seen.get(fd)) continue;
    foreign.delete(fd);
    seen.delete(fd);
    if (link?.startsWith('socket:') !== true) continue;
    seen.set(fd, link);
    if (!isClosedOnExec(fd)) foreign.add(fd);
  }
}

/** What stands for those sockets in a child, from its descriptor 3 on, as `stdio` of node:child_process takes it. */
export function hiddenSockets(): ('ignore' | number)[] {
  const hidden: ('ignore' | number)[] = [];
  for (const fd of foreign) {
    // Closed since then, and perhaps another file by now.
    if (linkOf(fd) !== seen.get(fd)) continue;
    while (hidden.length < fd - 3) hidden.push('ignore');
    hidden[fd - 3] = nothing ??= openSync('/dev/null', 'r+');
  }
  return hidden;
}

function linkOf(fd: number): string | undefined {
  try {
    return readlinkSync(`${OWN}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function isClosedOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`${OWN}/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    return (parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    return true;
  }
}
