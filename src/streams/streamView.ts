import { WCS_CODEC_NAMES } from '../domain/codec.ts';
import type { Stream } from './stream.ts';
import type { RecordingInfo } from '../domain/recording.ts';

/** Of its running recording. */
type Recorded = Pick<RecordingInfo, 'fileName' | 'startedAt'>;

/**
 * A stream as WCS's REST shows it: the documented fields of 5.1, then those that newer builds add. Values the
 * server does not measure are WCS's own neutral ones (0, null, false).
 * @param now milliseconds since the epoch.
 */
export function streamView(stream: Stream, recording: Recorded | undefined, now: number) {
  const { publisher, custom, createdAt } = stream.init;
  const { video, audio } = firstTracks(stream);
  return {
    custom,
    nodeId: null,
    appKey: publisher.appKey,
    sessionId: publisher.sessionId,
    mediaSessionId: stream.mediaSessionId,
    remoteMediaElementId: null,
    name: stream.name,
    published: true,
    hasVideo: video !== undefined,
    hasAudio: audio !== undefined,
    status: stream.status,
    sdp: null,
    info: null,
    record: stream.init.record === true || recording !== undefined,
    recordName: recording?.fileName ?? null,
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    bitrate: 0,
    quality: 0,
    rtmpUrl: null,
    streamInfo: streamInfo(stream, recording, now),
    mediaProvider: publisher.mediaProvider,
    audioCodec: audio === undefined ? null : WCS_CODEC_NAMES[audio.codec],
    videoCodec: video === undefined ? null : WCS_CODEC_NAMES[video.codec],
    ...unmeasured,
    transport: publisher.mediaProvider === 'WebRTC' ? 'UDP' : 'TCP',
    createDate: createdAt,
    mediaType: 'publish',
    audioState: { muted: stream.muted.audio },
    videoState: { muted: stream.muted.video },
  };
}

/** A stream as REST answers it. */
export type StreamView = ReturnType<typeof streamView>;

const unmeasured = {
  minBitrate: 0,
  maxBitrate: 0,
  history: false,
  gop: 0,
  fps: 0,
  audioBitrate: 0,
  codecImpl: '',
  cvoExtension: false,
};

function firstTracks(stream: Stream) {
  const tracks = [...stream.tracks.values()];
  return {
    video: tracks.find((track) => track.kind === 'video'),
    audio: tracks.find((track) => track.kind === 'audio'),
  };
}

function streamInfo(stream: Stream, recording: Recorded | undefined, now: number) {
  return {
    custom: {},
    nodeId: null,
    appKey: null,
    sessionId: null,
    mediaSessionId: stream.mediaSessionId,
    name: stream.name,
    samplingTime: stream.mediaStartedAt ?? null,
    recordTimestamp: recording === undefined ? null : Math.max(0, now - recording.startedAt),
    recordStarted: recording !== undefined,
  };
}
