import { expect, test } from 'vitest';
import { sameDecoder, sameTrack } from '../../../src/domain/media.ts';
import type { AudioTrack, VideoTrack } from '../../../src/domain/media.ts';

const VIDEO: VideoTrack = {
  id: 1,
  kind: 'video',
  codec: 'h264',
  config: Buffer.from('one'),
  width: 320,
  height: 180,
};
const IN_BAND: VideoTrack = { ...VIDEO, inBandConfig: true };
const AUDIO: AudioTrack = {
  id: 2,
  kind: 'audio',
  codec: 'opus',
  config: Buffer.from('one'),
  sampleRate: 48_000,
  channels: 1,
};

test.each([
  ['an equal copy', VIDEO, { ...VIDEO, config: Buffer.from('one') }, [true, true]],
  ['another configuration', VIDEO, { ...VIDEO, config: Buffer.from('two') }, [false, false]],
  ['another size alone', VIDEO, { ...VIDEO, width: 640 }, [true, false]],
  ['in band, another configuration', IN_BAND, { ...IN_BAND, config: Buffer.from('two') }, [true, false]],
  ['in band, another size', IN_BAND, { ...IN_BAND, height: 360 }, [true, false]],
  ['in band, another codec', IN_BAND, { ...IN_BAND, codec: 'vp8' }, [false, false]],
  ['no longer in band', IN_BAND, { ...VIDEO, config: Buffer.from('two') }, [false, false]],
  ['another track', IN_BAND, { ...IN_BAND, id: 3 }, [false, false]],
  ['audio with another configuration', AUDIO, { ...AUDIO, config: Buffer.from('two') }, [false, false]],
  ['equal audio', AUDIO, { ...AUDIO }, [true, true]],
] as const)('%s', (_, a, b, [decoder, track]) => {
  expect([sameDecoder(a, b), sameDecoder(b, a)]).toEqual([decoder, decoder]);
  expect([sameTrack(a, b), sameTrack(b, a)]).toEqual([track, track]);
});
