import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, stat } from 'node:fs/promises';
import type { Track } from '../../../../src/domain/media.ts';
import type { RecordFormat } from '../../../../src/domain/format.ts';
import { ffmpegArgs } from '../../../../src/recorder/ffmpegArgs.ts';
import { eventually } from '../../../support/eventually.ts';
import { ffmpeg, ffmpegPath } from './ffmpeg.ts';

/** A kind of recording: what comes in, and what is made of it. */
export interface Kind {
  readonly name: string;
  readonly input: 'flv' | 'matroska';
  /** How FFmpeg makes the input. */
  readonly source: readonly string[];
  readonly tracks: readonly Track[];
  readonly format: RecordFormat;
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=96x64:r=25:d=6'];
const TONE = ['-f', 'lavfi', '-i', 'sine=440:d=6:r=48000'];
const VP8 = ['-c:v', 'libvpx', '-b:v', '200k', '-deadline', 'realtime', '-cpu-used', '8', '-g', '25'];
const OPUS = ['-c:a', 'libopus', '-b:a', '32k'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25'];
const AAC = ['-c:a', 'aac', '-b:a', '32k'];
const NO_CONFIG = Buffer.alloc(0);
const SOUND = { id: 2, kind: 'audio', config: NO_CONFIG, sampleRate: 48_000, channels: 1 } as const;
const VIDEO = { id: 1, kind: 'video', config: NO_CONFIG, width: 96, height: 64 } as const;
const VP8_AND_OPUS: Pick<Kind, 'input' | 'source' | 'tracks'> = {
  input: 'matroska',
  source: [...PICTURE, ...TONE, ...VP8, ...OPUS],
  tracks: [
    { ...VIDEO, codec: 'vp8' },
    { ...SOUND, codec: 'opus' },
  ],
};

export const KINDS: readonly Kind[] = [
  { name: 'WebM, VP8 and Vorbis', ...VP8_AND_OPUS, format: { container: 'webm', audio: 'vorbis' } },
  { name: 'WebM, VP8 and Opus', ...VP8_AND_OPUS, format: { container: 'webm', audio: 'copy' } },
  {
    name: 'MKV, H.264 with B-frames and AAC',
    input: 'flv',
    source: [...PICTURE, ...TONE, ...H264, ...AAC],
    tracks: [
      { ...VIDEO, codec: 'h264' },
      { ...SOUND, codec: 'aac' },
    ],
    format: { container: 'mkv', audio: 'copy' },
  },
  {
    name: 'MKV, AAC alone',
    input: 'matroska',
    source: [...TONE, ...AAC],
    tracks: [{ ...SOUND, codec: 'aac' }],
    format: { container: 'mkv', audio: 'copy' },
  },
];

/** The input of a kind, made anew at `path`. */
export async function makeSource({ source, input }: Kind, path: string): Promise<Buffer> {
  // As a live stream: its length is not told in advance.
  const live = input === 'flv' ? ['-flvflags', 'no_duration_filesize'] : ['-live', '1'];
  await ffmpeg(...source, ...live, '-f', input, path);
  return readFile(path);
}

function start({ input, tracks, format }: Kind, output: string): ChildProcess {
  const args = ffmpegArgs({
    ...{ tracks, input, format, output, probe: true, segmentSeconds: undefined },
    ...{ fragmentMs: 500, audioSampleRate: 48_000, audioBitrate: 96_000, audioEffort: 'quality' as const },
  });
  return spawn(ffmpegPath, args, { stdio: ['pipe', 'ignore', 'ignore'] });
}

/** Records all of `source` with the arguments of the recorder, and lets FFmpeg close the file. */
export async function record(kind: Kind, source: Buffer, output: string): Promise<void> {
  const child = start(kind, output);
  child.stdin?.end(source);
  await once(child, 'close');
}

/** Records the beginning of a source; killed once `bytes` are on disk: FFmpeg waits for more input, or still writes. */
export async function recordKilled(kind: Kind, source: Buffer, output: string, bytes: number): Promise<void> {
  await rm(output, { force: true });
  const child = start(kind, output);
  child.stdin?.on('error', () => undefined);
  child.stdin?.write(source);
  const sizeNow = (): Promise<number> =>
    stat(output).then(
      ({ size }) => size,
      () => 0,
    );
  await eventually(async () => ((await sizeNow()) >= bytes ? true : undefined), `${bytes} bytes on disk`);
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** Three seconds of sound as FFmpeg writes them to a pipe: without sizes. */
export async function recordUnseekable(output: string): Promise<void> {
  const file = await open(output, 'w');
  const args = [...TONE, '-t', '3', ...AAC, '-f', 'matroska', 'pipe:1'];
  await once(spawn(ffmpegPath, args, { stdio: ['ignore', file.fd, 'ignore'] }), 'close');
  await file.close();
}
