import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioTrack, Sample, Track, VideoTrack } from '../../src/domain/media.ts';
import type { Stream } from '../../src/streams/stream.ts';
import { readMatroska } from './matroskaFile.ts';
import type { FileTrack } from './matroskaFile.ts';

/** Media as a browser sends it by WebRTC: a track for each configuration, and samples on one clock. */
export interface Clip<T extends Track = Track> {
  readonly track: T;
  readonly samples: readonly Sample[];
}

export const VIDEO_ID = 1;
export const AUDIO_ID = 2;
const FRAME_US = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'recorderd-rtc-'));
let made = 0;

export interface VideoWish {
  readonly codec: 'vp8' | 'h264';
  readonly size?: string;
  readonly seconds?: number;
  /** Frames from one key frame to the next; 25 make a second. */
  readonly gop?: number;
}

/** Encodes a test picture; H.264 has its parameter sets in every key frame and no B-frames. */
export function makeVideo({ codec, size = '320x180', seconds = 4, gop = 25 }: VideoWish): Clip<VideoTrack> {
  const h264 = [
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p'],
    ...['-bf', '0', '-keyint_min', String(gop), '-x264-params', 'repeat-headers=1:scenecut=0:log-level=none'],
  ];
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '400k'];
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`];
  const file = encode([...input, ...(codec === 'h264' ? h264 : vp8), '-g', String(gop), '-threads', '1']);
  const { tracks, frames } = readMatroska(file);
  const { config, width, height } = tracks[0] as FileTrack;
  return {
    track: { id: VIDEO_ID, kind: 'video', codec, config, width, height, inBandConfig: true },
    samples: frames.map(({ timeUs, key, data }) => ({
      trackId: VIDEO_ID,
      dts: timeUs,
      pts: timeUs,
      key,
      data,
    })),
  };
}

export interface AudioWish {
  readonly codec: 'opus' | 'pcmu' | 'pcma' | 'aac';
  readonly seconds?: number;
  readonly channels?: number;
}

/** A beep of 50 ms begins at each whole second. */
const BEEPS = 'if(lt(mod(t,1),0.05),0.6*sin(2*PI*1000*t),0.001*sin(2*PI*150*t))';
const ENCODERS = {
  opus: ['-c:a', 'libopus', '-b:a', '32k', '-ar', '48000'],
  pcmu: ['-c:a', 'pcm_mulaw', '-ar', '8000'],
  pcma: ['-c:a', 'pcm_alaw', '-ar', '8000'],
  aac: ['-c:a', 'aac', '-b:a', '96k', '-ar', '44100'],
} as const;

/** Encodes beeps in frames of 20 ms, AAC in its own; the first beep sounds at time 0 of the clip. */
export function makeAudio({ codec, seconds = 4, channels = 1 }: AudioWish): Clip<AudioTrack> {
  const input = ['-f', 'lavfi', '-i', `aevalsrc='${BEEPS}':s=48000:d=${seconds}`];
  const { tracks, frames } = readMatroska(encode([...input, ...ENCODERS[codec], '-ac', String(channels)]));
  const { config, sampleRate } = tracks[0] as FileTrack;
  const isG711 = codec === 'pcmu' || codec === 'pcma';
  const track: AudioTrack = {
    ...{ id: AUDIO_ID, kind: 'audio', codec, channels, sampleRate },
    config: codec === 'opus' ? withoutPreSkip(config) : isG711 ? Buffer.alloc(0) : config,
  };
  const sampleOf = (us: number, data: Buffer): Sample => ({
    trackId: AUDIO_ID,
    dts: us,
    pts: us,
    key: true,
    data,
  });
  if (!isG711) {
    // Matroska says nothing of the 1024 samples that an AAC encoder puts before the sound.
    const primingUs = codec === 'aac' ? Math.round(1024e6 / sampleRate) : 0;
    return { track, samples: frames.map(({ timeUs, data }) => sampleOf(timeUs - primingUs, data)) };
  }
  const all = Buffer.concat(frames.map(({ data }) => data));
  const bytes = 160 * channels;
  const count = Math.floor(all.length / bytes);
  return {
    track,
    samples: Array.from({ length: count }, (_, i) =>
      sampleOf(i * FRAME_US, all.subarray(i * bytes, (i + 1) * bytes)),
    ),
  };
}

/** RTP knows no pre-skip: a receiver takes all that is decoded. */
function withoutPreSkip(opusHead: Buffer): Buffer {
  const head = Buffer.from(opusHead);
  head.writeUInt16LE(0, 10);
  return head;
}

function encode(args: readonly string[]): string {
  const file = join(folder, `${made++}.mkv`);
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args, file]);
  return file;
}

/** The same media, later by `us` (earlier when negative). */
export function shifted<T extends Track>({ track, samples }: Clip<T>, us: number): Clip<T> {
  return { track, samples: samples.map((each) => ({ ...each, dts: each.dts + us, pts: each.pts + us })) };
}

/** The samples of a clip that `keeps` wants. */
export function only<T extends Track>(
  { track, samples }: Clip<T>,
  keeps: (sample: Sample) => boolean,
): Clip<T> {
  return { track, samples: samples.filter(keeps) };
}

/**
 * Sends clips into a stream in the order of their times, as packets arrive: a clip's track is set right before its
 * first sample. Clips of one track follow each other.
 */
export function play(stream: Stream, clips: readonly Clip[]): void {
  const rest = clips.map(({ track, samples }) => ({ track, samples: [...samples], isSet: false }));
  for (;;) {
    const next = rest
      .filter(({ samples }) => samples.length > 0)
      .sort((a, b) => (a.samples[0]?.dts ?? 0) - (b.samples[0]?.dts ?? 0))[0];
    const sample = next?.samples.shift();
    if (next === undefined || sample === undefined) return;
    if (!next.isSet) stream.setTrack(next.track);
    next.isSet = true;
    stream.push(sample);
  }
}
