import type { Codec } from '../domain/codec.ts';
import type { RecordFormat } from '../domain/format.ts';
import type { AudioTrack, Track } from '../domain/media.ts';

/** Everything that decides a child's command line. */
export interface RunPlan {
  readonly tracks: readonly Track[];
  readonly input: 'flv' | 'matroska';
  /**
   * FFmpeg finds out by decoding what the input's header does not say. Without it a child starts with less work and
   * memory; decode times are then the presentation times.
   */
  readonly probe: boolean;
  readonly format: RecordFormat;
  /** Seconds per part, cut by the segment muxer at key frames; undefined = one file. */
  readonly segmentSeconds: number | undefined;
  /** Longest MP4 fragment, milliseconds: what a kill may lose. */
  readonly fragmentMs: number;
  /** Transcoded audio: samples per second and bits per second. */
  readonly audioSampleRate: number;
  readonly audioBitrate: number;
  readonly audioEffort: 'quality' | 'economy';
  /** Path of the parts with `%06d` for their number, as the segment muxer writes it. */
  readonly output: string;
}

/** Path of part `index` (from 0) of a run. */
export function partPath(plan: RunPlan, index: number): string {
  return plan.output.replace('%06d', String(index).padStart(6, '0'));
}

/** FFmpeg's WebM muxer refuses H.264; its Matroska muxer writes what WCS calls `h264-webm`. */
function muxerOf(plan: RunPlan): string {
  const { container } = plan.format;
  const isForeign = container === 'webm' && has(plan, 'h264');
  return isForeign ? MUXERS.mkv : MUXERS[container];
}

const MUXERS = { mp4: 'mp4', webm: 'webm', mkv: 'matroska', ts: 'mpegts' } as const;
/** Longer than this, a stalled track would hold the other one's packets in memory. */
const MAX_INTERLEAVE_US = 1_000_000;
const CLUSTER_MS = 1000;
/** Below a lost packet of 20 ms, above the jitter of times that were rounded or corrected. */
const SHORTEST_HOLE_S = 0.015;

/**
 * FFmpeg's arguments for one run, for versions 4.1 to 8.0.
 * `empty_moov` is absent on purpose: it forces both tracks to start at 0 and so shifts audio against video.
 */
export function ffmpegArgs(plan: RunPlan): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+warning'],
    // Without the bound FFmpeg holds the first 1.4 s back to guess a frame rate that copying does not need.
    ...(plan.probe ? ['-fpsprobesize', '0'] : ['-nofind_stream_info']),
    ...['-f', plan.input, '-i', 'pipe:0', '-map', '0'],
    ...codecArgs(plan),
    // Unprobed, FFmpeg would guess decode times of H.264 from a frame rate.
    ...(!plan.probe && has(plan, 'h264') ? ['-bsf:v', 'setts=ts=PTS'] : []),
    ...(plan.format.container === 'mp4' && has(plan, 'hevc') ? ['-tag:v', 'hvc1'] : []),
    ...(isOpusInMp4(plan) ? ['-strict', 'experimental'] : []),
    ...['-max_interleave_delta', String(MAX_INTERLEAVE_US)],
    ...(plan.segmentSeconds === undefined ? singleArgs(plan) : segmentArgs(plan, plan.segmentSeconds)),
    ...['-y', plan.segmentSeconds === undefined ? partPath(plan, 0) : plan.output],
  ];
}

function codecArgs(plan: RunPlan): string[] {
  const audio = plan.tracks.find((track) => track.kind === 'audio');
  if (audio === undefined || plan.format.audio === 'copy') return ['-c', 'copy'];
  const shape = ['-af', resampler(audio), '-ac', String(Math.min(2, audio.channels))];
  if (plan.format.audio === 'vorbis') return ['-c:v', 'copy', '-c:a', 'libvorbis', '-q:a', '3', ...shape];
  const { audioBitrate: bitrate, audioSampleRate: rate, audioEffort } = plan;
  const coder = audioEffort === 'economy' ? ['-aac_coder', 'fast'] : [];
  return ['-c:v', 'copy', '-c:a', 'aac', ...coder, '-b:a', String(bitrate), '-ar', String(rate), ...shape];
}

/**
 * Fills holes with silence, so that transcoded audio stays beside the video. Lost packets of 20 ms must count as
 * holes, which FFmpeg by itself closes up to 100 ms. Codecs that only RTMP brings have no lost packets but uneven
 * times: taken as holes, these would be heard. `first_pts` is absent on purpose: audio that begins late begins late
 * in the file, and silence made for the time before it would come out of order.
 */
function resampler({ codec }: AudioTrack): string {
  const isLossy = codec === 'opus' || codec === 'pcma' || codec === 'pcmu';
  return `aresample=async=1${isLossy ? `:min_hard_comp=${SHORTEST_HOLE_S}` : ''}`;
}

/** Options of the file's own muxer, as `key=value`. */
function muxerOptions(plan: RunPlan): [string, string][] {
  const flush: [string, string] = ['flush_packets', '1'];
  switch (plan.format.container) {
    case 'mp4':
      return [
        // FFmpeg would keep a list of all fragments for an index at the end, half a megabyte an hour: `skip_trailer`.
        ['movflags', 'frag_keyframe+delay_moov+default_base_moof+skip_trailer'],
        ['frag_duration', String(plan.fragmentMs * 1000)],
        flush,
      ];
    case 'webm':
    case 'mkv':
      return [['cluster_time_limit', String(CLUSTER_MS)], flush];
    case 'ts':
      return [flush];
  }
}

function singleArgs(plan: RunPlan): string[] {
  const options = muxerOptions(plan).flatMap(([key, value]) => [`-${key}`, value]);
  return ['-f', muxerOf(plan), ...options];
}

function segmentArgs(plan: RunPlan, seconds: number): string[] {
  // Outer options do not reach the inner muxer: the interleave bound is given twice. Every part is moved to where
  // its first decode time is zero: left alone, audio that lies before the first picture would be hidden.
  const inner = [
    ...muxerOptions(plan),
    ['max_interleave_delta', String(MAX_INTERLEAVE_US)],
    ['avoid_negative_ts', 'make_zero'],
  ];
  return [
    ...[
      '-avoid_negative_ts',
      'disabled',
      '-f',
      'segment',
      '-segment_time',
      String(seconds),
      '-reset_timestamps',
      '1',
    ],
    ...['-segment_list', 'pipe:1', '-segment_list_type', 'csv', '-segment_format', muxerOf(plan)],
    ...['-segment_format_options', inner.map((pair) => pair.join('=')).join(':')],
  ];
}

/** Which older versions call experimental. */
function isOpusInMp4(plan: RunPlan): boolean {
  const { container, audio } = plan.format;
  return container === 'mp4' && audio === 'copy' && has(plan, 'opus');
}

function has(plan: RunPlan, codec: Codec): boolean {
  return plan.tracks.some((track) => track.codec === codec);
}
