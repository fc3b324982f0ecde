import { freemem, loadavg, totalmem } from 'node:os';
import type { StatGroups } from '../domain/liveState.ts';
import type { MediaProvider } from '../domain/publisher.ts';
import { processLoad } from '../ops/processLoad.ts';
import { finite } from './liveState.ts';
import type { Observed } from './observed.ts';

/**
 * The groups and keys of WCS's statistics page that have a meaning here, then groups of our own. Keys of what the
 * server does not do, such as RTMFP and playback, are 0, because the official console reads them.
 */
export async function statGroups(observed: Observed): Promise<StatGroups> {
  const { streams, connections } = observed;
  const live = streams.all();
  const sessions = connections.all();
  const streamsBy = (provider: MediaProvider): number =>
    live.filter(({ init }) => init.publisher.mediaProvider === provider).length;
  const sessionsBy = (provider: MediaProvider): number =>
    sessions.filter(({ mediaProvider }) => mediaProvider === provider).length;
  return {
    connections_stats: {
      connections: sessions.length,
      connections_websocket: sessionsBy('WebRTC'),
      connections_rtmp: sessionsBy('Flash'),
      connections_rtsp: sessionsBy('RTSP'),
      connections_rtmfp: 0,
    },
    streams_stats: {
      ...{ streams_webrtc_in: streamsBy('WebRTC'), streams_webrtc_out: 0 },
      ...{ streams_rtmp_in: streamsBy('Flash'), streams_rtmp_out: 0 },
      ...{ streams_rtsp_in: streamsBy('RTSP'), streams_rtsp_out: 0 },
      ...{ streams_rtmfp_in: 0, streams_rtmfp_out: 0, streams_websocket_out: 0, streams_viewers: 0 },
    },
    ...(await machineGroups()),
    ...(await recorderGroups(observed)),
  };
}

async function machineGroups(): Promise<StatGroups> {
  const { residentBytes, cpuSeconds, openFds, startedAt } = await processLoad();
  return {
    system_stats: {
      system_memory_total: totalmem(),
      system_memory_free: freemem(),
      system_load_average: loadavg()[0] ?? 0,
    },
    core_stats: {
      core_uptime_seconds: Math.round(Date.now() / 1000 - startedAt),
      core_cpu_seconds: cpuSeconds,
      core_resident_memory: residentBytes,
      ...(openFds === undefined ? {} : { core_open_files: openFds }),
    },
  };
}

async function recorderGroups({ recordings, hooks, disk }: Observed): Promise<StatGroups> {
  const { active, finishing, waiting } = recordings.load();
  const { counts } = recordings;
  const { owed, parked } = await hooks.load();
  const sum = (entries: readonly (readonly [string, number])[]): number =>
    entries.reduce((total, [, count]) => total + count, 0);
  return {
    recording_stats: {
      recordings: active,
      recordings_finishing: finishing,
      recordings_waiting: waiting,
      recordings_started: counts.recordingsStarted,
      recordings_ended: sum(counts.recordingsEnded.entries()),
      recording_files: sum(counts.parts.entries()),
      recording_bytes: counts.partBytes,
      recording_incidents: sum(counts.incidents.entries()),
    },
    hook_stats: { hooks_owed: owed, hooks_parked: parked },
    disk_stats: {
      disk_state: disk.state,
      disk_free: finite(disk.room?.freeBytes) ?? 0,
      disk_total: finite(disk.room?.totalBytes) ?? 0,
    },
  };
}
