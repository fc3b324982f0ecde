import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { streamView } from '../../../src/streams/streamView.ts';
import { Rest } from '../http/support.ts';

const video = {
  kind: 'video',
  id: 1,
  codec: 'h264',
  width: 1280,
  height: 720,
  config: Buffer.alloc(0),
} as const;
const audio = {
  kind: 'audio',
  id: 2,
  codec: 'aac',
  sampleRate: 44_100,
  channels: 2,
  config: Buffer.alloc(0),
} as const;

let rest: Rest;
beforeEach(() => {
  rest = new Rest();
});
afterEach(() => rest.close());

/** Every field WCS documents: 5.1's example and what newer builds add. */
const DOCUMENTED = `custom nodeId appKey sessionId mediaSessionId remoteMediaElementId name published hasVideo
  hasAudio status sdp info record recordName width height bitrate quality rtmpUrl streamInfo mediaProvider audioCodec
  videoCodec minBitrate maxBitrate history gop fps audioBitrate codecImpl transport cvoExtension createDate mediaType
  audioState videoState`.split(/\s+/);

describe('streamView', () => {
  test('has the documented fields and no other', () => {
    const view = streamView(rest.publish('s'), undefined, 0);
    expect(Object.keys(view).sort()).toEqual([...DOCUMENTED].sort());
  });

  test('shows a recorded RTMP stream as WCS does', () => {
    const stream = rest.publish('stream1', '4f112b20-13d0-11e7-b521-59a9cb7eddeb');
    stream.setTrack(video);
    stream.setTrack(audio);
    stream.mediaStartedAt = 1_490_717_116_551;
    const recording = {
      mediaSessionId: stream.mediaSessionId,
      fileName: 'stream1-{endTime}.mp4',
      startedAt: 5_000,
    };
    expect(streamView(stream, recording, 12_640)).toMatchObject({
      custom: { token: 'a b' },
      nodeId: null,
      appKey: 'flashStreamingApp',
      sessionId: '/127.0.0.1:50000/127.0.0.1:1935',
      mediaSessionId: '4f112b20-13d0-11e7-b521-59a9cb7eddeb',
      name: 'stream1',
      published: true,
      hasVideo: true,
      hasAudio: true,
      status: 'PUBLISHING',
      record: true,
      recordName: 'stream1-{endTime}.mp4',
      width: 1280,
      height: 720,
      videoCodec: 'H264',
      audioCodec: 'AAC',
      transport: 'TCP',
      createDate: 1_000,
      mediaType: 'publish',
      mediaProvider: 'Flash',
      streamInfo: {
        custom: {},
        nodeId: null,
        appKey: null,
        sessionId: null,
        mediaSessionId: '4f112b20-13d0-11e7-b521-59a9cb7eddeb',
        name: 'stream1',
        samplingTime: 1_490_717_116_551,
        recordTimestamp: 7_640,
        recordStarted: true,
      },
    });
  });

  test('shows a stream without media and without recording with empty values', () => {
    expect(streamView(rest.publish('s'), undefined, 0)).toMatchObject({
      hasVideo: false,
      hasAudio: false,
      width: 0,
      height: 0,
      audioCodec: null,
      videoCodec: null,
      record: false,
      recordName: null,
      streamInfo: { samplingTime: null, recordTimestamp: null, recordStarted: false },
    });
  });

  test('shows what the publisher asked for and what it has muted', () => {
    const stream = rest.streams.publish({ ...rest.publish('other').init, name: 's', record: true });
    stream.muted.audio = true;
    expect(streamView(stream, undefined, 0)).toMatchObject({
      record: true,
      recordName: null,
      streamInfo: { recordStarted: false },
      audioState: { muted: true },
      videoState: { muted: false },
    });
  });

  test('never shows a negative recording time when the clock steps back', () => {
    const recording = { mediaSessionId: 'id-of-s', fileName: 's.mp4', startedAt: 5_000 };
    expect(streamView(rest.publish('s'), recording, 4_000).streamInfo.recordTimestamp).toBe(0);
  });
});
