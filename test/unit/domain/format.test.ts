import { expect, test } from 'vitest';
import type { AudioCodec, VideoCodec } from '../../../src/domain/codec.ts';
import { chooseFormat } from '../../../src/domain/format.ts';
import type { Track } from '../../../src/domain/media.ts';

const DEFAULTS = {
  containers: { h264: 'mp4', vp8: 'webm' },
  h264ToTs: false,
  webmAudio: 'vorbis',
  mp4Audio: 'aac',
} as const;
const config = Buffer.alloc(0);

function tracks(video: VideoCodec | undefined, audio: AudioCodec | undefined): Track[] {
  return [
    ...(video === undefined
      ? []
      : [{ id: 1, kind: 'video', codec: video, config, width: 0, height: 0 } as const]),
    ...(audio === undefined
      ? []
      : [{ id: 2, kind: 'audio', codec: audio, config, sampleRate: 0, channels: 1 } as const]),
  ];
}

test.each([
  ['h264', 'aac', 'mp4', 'copy'],
  ['h264', 'mp3', 'mp4', 'copy'],
  ['h264', 'speex', 'mp4', 'aac'],
  ['h264', 'pcma', 'mp4', 'aac'],
  ['h264', 'opus', 'mp4', 'aac'],
  ['h264', undefined, 'mp4', 'copy'],
  ['hevc', 'aac', 'mp4', 'copy'],
  ['av1', 'opus', 'webm', 'copy'],
  ['av1', 'aac', 'mp4', 'copy'],
  ['vp9', undefined, 'webm', 'copy'],
  ['vp8', 'aac', 'webm', 'vorbis'],
  ['vp8', 'opus', 'webm', 'vorbis'],
  ['vp8', 'pcma', 'webm', 'vorbis'],
  ['vp9', 'opus', 'webm', 'copy'],
  [undefined, 'aac', 'mp4', 'copy'],
  [undefined, 'mp3', 'mp4', 'aac'],
  [undefined, 'opus', 'mp4', 'aac'],
] as const)('%s with %s goes to %s, audio %s', (video, audio, container, handling) => {
  expect(chooseFormat(tracks(video, audio), DEFAULTS)).toEqual({ container, audio: handling });
});

test('record_formats and record_h264_to_ts choose otherwise; audio alone stays MP4', () => {
  const settings = {
    containers: { h264: 'mkv', hevc: 'ts' },
    h264ToTs: false,
    webmAudio: 'vorbis',
    mp4Audio: 'aac',
  } as const;
  expect(chooseFormat(tracks('h264', 'speex'), settings)).toEqual({ container: 'mkv', audio: 'copy' });
  expect(chooseFormat(tracks('hevc', 'opus'), settings)).toEqual({ container: 'ts', audio: 'aac' });
  const toTs = { ...settings, h264ToTs: true };
  expect(chooseFormat(tracks('h264', 'aac'), toTs)).toEqual({ container: 'ts', audio: 'copy' });
  expect(chooseFormat(tracks(undefined, 'aac'), toTs)).toEqual({ container: 'mp4', audio: 'copy' });
});

test('record_mp4_audio=opus keeps Opus in MP4, and nothing else', () => {
  const settings = { ...DEFAULTS, mp4Audio: 'opus' } as const;
  for (const video of ['h264', 'hevc', undefined] as const)
    expect(chooseFormat(tracks(video, 'opus'), settings)).toEqual({ container: 'mp4', audio: 'copy' });
  expect(chooseFormat(tracks('h264', 'pcma'), settings)).toEqual({ container: 'mp4', audio: 'aac' });
  expect(chooseFormat(tracks(undefined, 'pcma'), settings)).toEqual({ container: 'mp4', audio: 'aac' });
  expect(chooseFormat(tracks('vp8', 'opus'), settings)).toEqual({ container: 'webm', audio: 'vorbis' });
});

test('record_webm_audio=opus keeps Opus in WebM, and nothing else', () => {
  const settings = {
    containers: { h264: 'webm', vp8: 'webm' },
    h264ToTs: false,
    webmAudio: 'opus',
    mp4Audio: 'aac',
  } as const;
  for (const video of ['vp8', 'h264'] as const) {
    expect(chooseFormat(tracks(video, 'opus'), settings)).toEqual({ container: 'webm', audio: 'copy' });
    expect(chooseFormat(tracks(video, 'pcmu'), settings)).toEqual({ container: 'webm', audio: 'vorbis' });
  }
  expect(chooseFormat(tracks(undefined, 'opus'), settings)).toEqual({ container: 'mp4', audio: 'aac' });
});
