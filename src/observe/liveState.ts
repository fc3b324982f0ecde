import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import type { LiveRecording, LiveState, LiveStream } from '../domain/liveState.ts';
import type { Track } from '../domain/media.ts';
import type { RecordingInfo } from '../domain/recording.ts';
import type { Stream } from '../streams/stream.ts';
import type { Observed } from './observed.ts';

/** What goes on at `now`, milliseconds since the epoch. */
export async function liveState(observed: Observed, now: number): Promise<LiveState> {
  const { streams, recordings, hooks, catalogue, disk, listMax } = observed;
  const [live, running] = [streams.all(), recordings.list()];
  const { finishing, waiting } = recordings.load();
  const { owed, running: runningHooks, parked } = await hooks.load();
  return {
    at: now,
    streams: live.slice(0, listMax).map(streamOf),
    streamsTotal: live.length,
    recordings: running.slice(0, listMax).map((info) => recordingOf(info, now)),
    recordingsTotal: running.length,
    ...{ finishing, waiting },
    disk: {
      state: disk.state,
      freeBytes: finite(disk.room?.freeBytes),
      totalBytes: finite(disk.room?.totalBytes),
    },
    hooks: { owed, running: runningHooks, parked },
    catalogueChanges: catalogue.changes,
  };
}

function streamOf(stream: Stream): LiveStream {
  const { name, mediaSessionId, status, received, driftPpm } = stream;
  const tracks = [...stream.tracks.values()];
  const video = tracks.find((track) => track.kind === 'video');
  const audio = tracks.find((track) => track.kind === 'audio');
  const packets = stream.packets?.();
  return {
    ...{ name, mediaSessionId, mediaProvider: stream.init.publisher.mediaProvider, status },
    videoCodec: codecName(video),
    audioCodec: codecName(audio),
    ...{ width: video?.width ?? 0, height: video?.height ?? 0 },
    ...{ createdAt: stream.init.createdAt, bytes: received.bytes, samples: received.samples },
    ...{ packets: packets?.received ?? null, packetsLost: packets?.lost ?? null },
    driftPpm: driftPpm ?? null,
  };
}

function codecName(track: Track | undefined): string | null {
  return track === undefined ? null : WCS_CODEC_NAMES[track.codec];
}

function recordingOf(info: RecordingInfo, now: number): LiveRecording {
  return { ...info, elapsedMs: Math.max(0, now - info.startedAt) };
}

/** Null for what is not known, or has no bound. */
export function finite(bytes: number | undefined): number | null {
  return bytes === undefined || !Number.isFinite(bytes) ? null : bytes;
}
