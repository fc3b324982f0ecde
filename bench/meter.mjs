// What a server and all its children cost: CPU seconds and proportional memory (PSS), from the kernel's own books.
import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

const read = (path) => readFileSync(path, 'utf8');
/** Linux shows processor time in this unit to every program (proc(5)). */
const TICKS_PER_SECOND = 100;
/** Of something that may be gone by now. */
const readIfThere = (path) => {
  try {
    return read(path);
  } catch {
    return '';
  }
};

/** PSS of one process in bytes; 0 when it has ended. */
function pssOf(pid) {
  return Number(/^Pss:\s+(\d+)/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

/** User and system seconds of one process without its children (proc(5), stat). */
export function ownCpuSeconds(pid) {
  const fields = readIfThere(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** Counts by cgroup v2: exact, and children that have ended stay counted (kernel docs, cgroup-v2, cpu.stat). */
function cgroupMeter(folder) {
  mkdirSync(folder);
  const pids = () => read(`${folder}/cgroup.procs`).trim().split('\n').filter(Boolean);
  return {
    method: 'cgroup v2 cpu.stat',
    wrap: (command) => ['/bin/sh', '-c', `echo $$ >${folder}/cgroup.procs && exec "$@"`, 'sh', ...command],
    cpuSeconds: () => Number(/^usage_usec (\d+)/m.exec(read(`${folder}/cpu.stat`))[1]) / 1e6,
    pssBytes: () => pids().reduce((sum, pid) => sum + pssOf(pid), 0),
    processes: () => pids().length,
    /** Ends whatever is left in the group: a server's child that outlived it. */
    async close() {
      writeFileSync(`${folder}/cgroup.kill`, '1');
      while (pids().length > 0) await pause(10);
      rmdirSync(folder);
    },
  };
}

/** The server, its living descendants, and the descendants each of them has waited for (proc(5), stat). */
function procMeter() {
  let root;
  const family = (pid) => {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const children = tasks.flatMap((task) =>
      readIfThere(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
    );
    return [pid, ...children.flatMap(family)];
  };
  const ticksOf = (pid) => {
    const fields = readIfThere(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
    return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i] ?? 0), 0);
  };
  return {
    method: '/proc/PID/stat',
    wrap: (command) => command,
    watch: (pid) => (root = pid),
    cpuSeconds: () => family(root).reduce((sum, pid) => sum + ticksOf(pid), 0) / TICKS_PER_SECOND,
    pssBytes: () => family(root).reduce((sum, pid) => sum + pssOf(pid), 0),
    processes: () => family(root).length,
    close: async () => undefined,
  };
}

/** Folder of this process in the cgroup v2 tree. */
function ownCgroup() {
  const mount = /^\S+ (\S+) cgroup2 /m.exec(read('/proc/mounts'))?.[1];
  const path = /^0::(.*)$/m.exec(read('/proc/self/cgroup'))?.[1];
  if (mount === undefined || path === undefined) throw new Error('no cgroup v2');
  return `${mount}${path === '/' ? '' : path}`;
}

/** A meter for one server: `wrap` its command line, then call `watch` with its pid. */
export function openMeter(name) {
  try {
    return {
      watch: () => undefined,
      ...cgroupMeter(`${ownCgroup()}/recorderd-bench-${process.pid}-${name}`),
    };
  } catch {
    return procMeter();
  }
}
