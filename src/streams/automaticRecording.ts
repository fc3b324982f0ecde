import type { Stream } from './stream.ts';

/** Which streams are recorded without being asked. */
export interface AutomaticRecording {
  /** False: none. */
  readonly all: boolean;
  readonly rtmp: boolean;
  readonly rtsp: boolean;
}

/** The master switch comes first; beside it each protocol has a rule of its own, and WebRTC's client says it itself. */
export function isRecordedAutomatically(stream: Stream, { all, rtmp, rtsp }: AutomaticRecording): boolean {
  if (!all) return false;
  switch (stream.init.publisher.mediaProvider) {
    case 'Flash':
      return rtmp;
    case 'WebRTC':
      return stream.init.record === true;
    case 'RTSP':
      return rtsp;
  }
}
