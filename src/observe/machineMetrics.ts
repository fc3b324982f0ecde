import { single } from '../ops/exposition.ts';
import type { Family } from '../ops/exposition.ts';
import type { ProcessLoad } from '../ops/processLoad.ts';
import type { Observed } from './observed.ts';

const DISK_STATES = ['ok', 'low', 'full'] as const;

/** The disk, the event loop and the process. */
export function machineMetrics(observed: Observed, load: ProcessLoad): Family[] {
  return [...diskMetrics(observed), ...loopMetrics(observed), ...processMetrics(load), build(observed)];
}

function diskMetrics({ disk }: Observed): Family[] {
  const { freeBytes, totalBytes } = disk.room ?? { freeBytes: NaN, totalBytes: NaN };
  const points = DISK_STATES.map((state) => ({ labels: { state }, value: disk.state === state ? 1 : 0 }));
  return [
    single('recorderd_disk_free_bytes', 'gauge', 'Free space on the disk of the records.', freeBytes),
    single('recorderd_disk_size_bytes', 'gauge', 'Size of that disk.', totalBytes),
    { name: 'recorderd_disk_state', type: 'gauge', help: '1 for the state that the disk is in.', points },
  ];
}

function loopMetrics({ eventLoop }: Observed): Family[] {
  const { p50, p99, max } = eventLoop.read();
  const { active, idle } = eventLoop.utilisation();
  const about = 'of the time for which everything waited, since the reading before';
  return [
    single('recorderd_event_loop_delay_p50_seconds', 'gauge', `Median ${about}.`, p50),
    single('recorderd_event_loop_delay_p99_seconds', 'gauge', `99th percentile ${about}.`, p99),
    single('recorderd_event_loop_delay_max_seconds', 'gauge', `Longest ${about}.`, max),
    single(
      'recorderd_event_loop_active_seconds_total',
      'counter',
      'Time for which the event loop worked.',
      active / 1000,
    ),
    single(
      'recorderd_event_loop_idle_seconds_total',
      'counter',
      'Time for which the event loop waited.',
      idle / 1000,
    ),
  ];
}

/** The names that all exporters use for a process. */
function processMetrics(load: ProcessLoad): Family[] {
  const { residentBytes, heapBytes, externalBytes, cpuSeconds, openFds, maxFds, startedAt } = load;
  return [
    single('process_resident_memory_bytes', 'gauge', 'Memory of the server in RAM.', residentBytes),
    single(
      'process_cpu_seconds_total',
      'counter',
      'CPU time of the server without its children.',
      cpuSeconds,
    ),
    single('process_start_time_seconds', 'gauge', 'Start of the server since 1970.', startedAt),
    ...(openFds === undefined
      ? []
      : [single('process_open_fds', 'gauge', 'File descriptors in use.', openFds)]),
    ...(maxFds === undefined
      ? []
      : [single('process_max_fds', 'gauge', 'File descriptors allowed.', maxFds)]),
    single('recorderd_heap_bytes', 'gauge', 'JavaScript objects in memory.', heapBytes),
    single(
      'recorderd_external_memory_bytes',
      'gauge',
      'Media and other data outside the heap.',
      externalBytes,
    ),
  ];
}

function build({ versions }: Observed): Family {
  const labels = { version: versions.recorderd, node: process.version, ffmpeg: versions.ffmpeg };
  return {
    name: 'recorderd_build_info',
    type: 'gauge',
    help: 'What runs here; always 1.',
    points: [{ labels, value: 1 }],
  };
}
