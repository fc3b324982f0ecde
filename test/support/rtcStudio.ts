import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import type { RecorderSettings } from '../../src/recorder/settings.ts';
import { Studio } from '../unit/recorder/support.ts';
import { decodeErrors, packetsOf, probe } from './packets.ts';
import { play } from './rtcMedia.ts';
import type { Clip } from './rtcMedia.ts';

type Formats = RecorderSettings['formats'];

export const FORMATS: Formats = {
  containers: { h264: 'mp4', vp8: 'webm' },
  h264ToTs: false,
  webmAudio: 'vorbis',
  mp4Audio: 'aac',
};

/** Real FFmpeg in a studio; recordings wait for what is announced and no longer. */
export async function rtcStudio(settings: Partial<RecorderSettings> = {}): Promise<Studio> {
  return Studio.open({ ffmpegPath: 'ffmpeg', formats: FORMATS, bufferMaxBytes: 1 << 26, ...settings });
}

/** Records clips from beginning to end; gives the paths of the parts, in order, none of which FFmpeg complains about. */
export async function recordClips(
  clips: readonly Clip[],
  settings: Partial<RecorderSettings> = {},
): Promise<string[]> {
  const studio = await rtcStudio(settings);
  const stream = studio.publish();
  const has = (kind: string): boolean => clips.some(({ track }) => track.kind === kind);
  stream.expected = { audio: has('audio'), video: has('video') };
  play(stream, clips);
  await studio.end(stream);
  expect(studio.complaints()).toEqual([]);
  for (const part of studio.parts) expect(await decodeErrors(part.path)).toBe('');
  return studio.parts.map(({ path }) => path);
}

/** The bytes of every packet of one kind in these files are those of the clips, in order. */
export async function expectBytes(
  files: readonly string[],
  kind: 'v' | 'a',
  clips: readonly Clip[],
): Promise<void> {
  const found: string[] = [];
  for (const file of files) found.push(...(await packetsOf(file, kind)).map(({ md5 }) => md5));
  const sent = clips.flatMap(({ samples }) => samples);
  expect(found).toEqual(sent.map(({ data }) => createHash('md5').update(data).digest('hex')));
}

/** Codecs of a file, video first. */
export async function codecsOf(file: string): Promise<string[]> {
  const { streams } = await probe(file);
  return streams
    .toSorted((a, b) => b.codec_type.localeCompare(a.codec_type))
    .map((stream) => stream.codec_name);
}

export const nameOf = (path: string): string => basename(path);
export const inRecords = (studio: Studio, name: string): string => join(studio.recordsDir, name);
