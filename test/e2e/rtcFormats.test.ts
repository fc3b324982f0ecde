import { expect, test } from 'vitest';
import { soundOf } from '../support/beeps.ts';
import { probe } from '../support/packets.ts';
import { makeAudio, makeVideo } from '../support/rtcMedia.ts';
import type { AudioWish, Clip } from '../support/rtcMedia.ts';
import { codecsOf, expectBytes, FORMATS, nameOf, recordClips } from '../support/rtcStudio.ts';

const SECONDS = 3;
const VIDEO = {
  h264: makeVideo({ codec: 'h264', seconds: SECONDS }),
  vp8: makeVideo({ codec: 'vp8', seconds: SECONDS }),
};
const AUDIO = {
  opus: makeAudio({ codec: 'opus', seconds: SECONDS }),
  pcmu: makeAudio({ codec: 'pcmu', seconds: SECONDS }),
  pcma: makeAudio({ codec: 'pcma', seconds: SECONDS }),
  aac: makeAudio({ codec: 'aac', seconds: SECONDS }),
};
const FRAME_MS: Readonly<Record<AudioWish['codec'], number>> = { opus: 20, pcmu: 20, pcma: 20, aac: 23.3 };
const KEPT = { opus: 'opus', pcmu: 'pcm_mulaw', pcma: 'pcm_alaw', aac: 'aac' } as const;

const MADE_AAC = { opus: 'aac', pcmu: 'aac', pcma: 'aac', aac: 'aac' } as const;
const MADE_VORBIS = { opus: 'vorbis', pcmu: 'vorbis', pcma: 'vorbis', aac: 'vorbis' } as const;
const CASES = [
  ['h264-mp4', 'h264', 'mp4', MADE_AAC],
  ['record_mp4_audio=opus, h264-mp4', 'h264', 'mp4', { ...MADE_AAC, opus: 'opus' }],
  ['h264-mkv', 'h264', 'mkv', KEPT],
  ['h264-webm', 'h264', 'webm', MADE_VORBIS],
  ['record_h264_to_ts', 'h264', 'ts', MADE_AAC],
  ['vp8-webm', 'vp8', 'webm', MADE_VORBIS],
  ['vp8-mkv', 'vp8', 'mkv', KEPT],
  ['record_webm_audio=opus, vp8-webm', 'vp8', 'webm', { ...MADE_VORBIS, opus: 'opus' }],
  ['record_webm_audio=opus, h264-webm', 'h264', 'webm', { ...MADE_VORBIS, opus: 'opus' }],
] as const;

function formatsOf(setting: string, codec: 'h264' | 'vp8', container: 'mp4' | 'mkv' | 'webm' | 'ts') {
  const isTs = container === 'ts';
  return {
    containers: isTs ? FORMATS.containers : { ...FORMATS.containers, [codec]: container },
    h264ToTs: isTs,
    webmAudio: setting.includes('webm_audio=opus') ? ('opus' as const) : ('vorbis' as const),
    mp4Audio: setting.includes('mp4_audio=opus') ? ('opus' as const) : ('aac' as const),
  };
}

/** Sound begins and ends within a frame of what was sent, and every beep is at its second. */
async function expectSound(file: string, audio: Clip, codec: AudioWish['codec']): Promise<void> {
  const sound = await soundOf(file);
  // MPEG-TS cannot hide what an AAC encoder puts before the sound; elsewhere nothing of it is played.
  if (!file.endsWith('.ts')) expect(Math.abs(sound.startMs - audio.samples[0]!.dts / 1000)).toBeLessThan(10);
  const sentEndMs = audio.samples.at(-1)!.dts / 1000 + FRAME_MS[codec];
  expect(sound.endMs).toBeGreaterThan(sentEndMs - FRAME_MS[codec]);
  expect(sound.endMs).toBeLessThan(sentEndMs + 30);
  expect(sound.beepsMs).toHaveLength(SECONDS);
  sound.beepsMs.forEach((ms, second) => expect(Math.abs(ms - second * 1000)).toBeLessThan(10));
}

test.each(CASES)('%s: every audio codec', async (setting, codec, container, becomes) => {
  const video = VIDEO[codec];
  const check = async (sent: AudioWish['codec']): Promise<void> => {
    const [file = '', ...more] = await recordClips([video, AUDIO[sent]], {
      formats: formatsOf(setting, codec, container),
    });
    expect([nameOf(file), more]).toEqual([`cam.${container}`, []]);
    expect(await codecsOf(file)).toEqual([codec, becomes[sent]]);
    const { streams, format } = await probe(file);
    expect(streams.find(({ codec_type }) => codec_type === 'audio')?.channels).toBe(1);
    expect(Number(format.duration)).toBeCloseTo(SECONDS, 0);
    if (container !== 'ts') await expectBytes([file], 'v', [video]);
    if (becomes[sent] === KEPT[sent] && container !== 'ts') await expectBytes([file], 'a', [AUDIO[sent]]);
    await expectSound(file, AUDIO[sent], sent);
  };
  await Promise.all((['opus', 'pcmu', 'pcma', 'aac'] as const).map(check));
});

test('stereo Opus stays stereo', async () => {
  const audio = makeAudio({ codec: 'opus', seconds: SECONDS, channels: 2 });
  for (const codec of ['h264', 'vp8'] as const) {
    const [file = ''] = await recordClips([VIDEO[codec], audio]);
    expect((await probe(file)).streams.find(({ codec_type }) => codec_type === 'audio')?.channels).toBe(2);
  }
});

test.each(['opus', 'pcmu', 'pcma'] as const)('%s alone becomes MP4 with AAC', async (codec) => {
  const [file = ''] = await recordClips([AUDIO[codec]]);
  expect(nameOf(file)).toBe('cam.mp4');
  expect(await codecsOf(file)).toEqual(['aac']);
  await expectSound(file, AUDIO[codec], codec);
});

test('record_audio_codec_effort=economy makes AAC that sounds where it did', async () => {
  const [file = ''] = await recordClips([VIDEO.h264, AUDIO.opus], { audioEffort: 'economy' });
  expect(await codecsOf(file)).toEqual(['h264', 'aac']);
  await expectSound(file, AUDIO.opus, 'opus');
});

test('Opus alone is kept in MP4 with record_mp4_audio=opus', async () => {
  const [file = ''] = await recordClips([AUDIO.opus], { formats: { ...FORMATS, mp4Audio: 'opus' } });
  expect(nameOf(file)).toBe('cam.mp4');
  expect(await codecsOf(file)).toEqual(['opus']);
  await expectBytes([file], 'a', [AUDIO.opus]);
  await expectSound(file, AUDIO.opus, 'opus');
});
