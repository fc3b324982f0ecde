import type { RecordingInfo } from '../domain/recording.ts';
import { byWord, histogram, single } from '../ops/exposition.ts';
import type { Family } from '../ops/exposition.ts';
import type { RecorderCounts } from '../recorder/recorderCounts.ts';
import type { Observed } from './observed.ts';

/** Recordings, their parts, incidents and children. */
export function recordingMetrics({ recordings, listMax }: Observed): Family[] {
  const { counts } = recordings;
  const { active, finishing, waiting } = recordings.load();
  return [
    single('recorderd_recordings_active', 'gauge', 'Recordings that take media now.', active),
    single(
      'recorderd_recordings_finishing',
      'gauge',
      'Recordings that ended and have files without their name yet.',
      finishing,
    ),
    single(
      'recorderd_recordings_waiting',
      'gauge',
      'Streams that are recorded when the disk has room.',
      waiting,
    ),
    single(
      'recorderd_recordings_started_total',
      'counter',
      'Recordings that began.',
      counts.recordingsStarted,
    ),
    byWord(
      'recorderd_recordings_ended_total',
      'Recordings whose files are final, by why they ended.',
      'reason',
      counts.recordingsEnded,
    ),
    ...activeMetrics(recordings.list(), listMax),
    ...partMetrics(counts),
    ...childMetrics(counts),
  ];
}

function activeMetrics(all: readonly RecordingInfo[], listMax: number): Family[] {
  const listed = all.slice(0, listMax);
  const of = (name: string, help: string, value: (info: RecordingInfo) => number | null): Family => {
    const points = listed.flatMap((info) => {
      const { recordingId: recording_id, streamName: stream } = info;
      const known = value(info);
      return known === null ? [] : [{ labels: { recording_id, stream }, value: known }];
    });
    return { name, type: 'gauge', help, points };
  };
  const ages = all.map(({ lastWriteAgeMs }) => lastWriteAgeMs ?? 0);
  const oldest = ages.reduce((max, age) => Math.max(max, age), 0);
  return [
    single(
      'recorderd_recordings_last_write_age_max_seconds',
      'gauge',
      'Longest time for which FFmpeg has taken no media of an active recording.',
      oldest / 1000,
    ),
    of(
      'recorderd_recording_last_write_age_seconds',
      'Time since FFmpeg took media of the active recording last.',
      ({ lastWriteAgeMs }) => (lastWriteAgeMs === null ? null : lastWriteAgeMs / 1000),
    ),
    of(
      'recorderd_recording_media_bytes',
      'Media of the active recording that FFmpeg was given, about.',
      ({ bytes }) => bytes,
    ),
  ];
}

function partMetrics(counts: RecorderCounts): Family[] {
  return [
    byWord(
      'recorderd_parts_finished_total',
      'Files that got their name, by why they ended.',
      'reason',
      counts.parts,
    ),
    single('recorderd_parts_bytes_total', 'counter', 'Size of these files.', counts.partBytes),
    single(
      'recorderd_parts_media_seconds_total',
      'counter',
      'Length of the media in them.',
      counts.partMs / 1000,
    ),
    single(
      'recorderd_parts_left_total',
      'counter',
      'Files that could not be finished and stay in the work folder.',
      counts.partsLeft,
    ),
    histogram(
      'recorderd_part_finalise_seconds',
      'Time from a file that FFmpeg has closed to its name.',
      counts.finaliseSeconds,
    ),
    byWord(
      'recorderd_incidents_total',
      'Things that happened to media of recordings, by their cause.',
      'cause',
      counts.incidents,
    ),
    byWord(
      'recorderd_lost_media_seconds_total',
      'Media that recordings lack because of them, as far as it is known.',
      'cause',
      inSeconds(counts.lostMs.entries()),
    ),
  ];
}

function childMetrics({ childrenStarted, childEnds }: RecorderCounts): Family[] {
  const ended = childEnds.entries().reduce((sum, [, count]) => sum + count, 0);
  return [
    single(
      'recorderd_ffmpeg_running',
      'gauge',
      'FFmpeg processes of recordings that run.',
      childrenStarted - ended,
    ),
    byWord(
      'recorderd_ffmpeg_exits_total',
      'FFmpeg processes of recordings that ended, by how.',
      'reason',
      childEnds,
    ),
  ];
}

function inSeconds(entries: readonly (readonly [string, number])[]) {
  return { entries: () => entries.map(([word, ms]) => [word, ms / 1000] as const) };
}
