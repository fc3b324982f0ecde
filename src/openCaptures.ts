import type { Settings } from './config/settings.ts';
import type { Logger } from './domain/log.ts';
import type { CaptureGap } from './ingest/pull/capture.ts';
import { PulledCaptures } from './ingest/pull/pulledCaptures.ts';
import type { Ffmpeg } from './process/ffmpeg.ts';
import type { Recordings } from './recorder/recordings.ts';
import type { Stream } from './streams/stream.ts';
import type { Streams } from './streams/streams.ts';
import { pullOptions } from './wiring.ts';

export interface OpenCapturesDeps {
  /** Those in force. */
  readonly settings: () => Settings;
  readonly streams: Streams;
  readonly recordings: Recordings;
  readonly ffmpeg: Ffmpeg;
  readonly log: Logger;
}

/** Makes the room of captures; a source that comes back goes on in a new part, unless the settings have one file. */
export function openCaptures({
  settings,
  streams,
  recordings,
  ffmpeg,
  log,
}: OpenCapturesDeps): PulledCaptures {
  const onGap = (stream: Stream, { from, to, cause }: CaptureGap): void => {
    if (settings().record_reconnect === 'part') recordings.beginPart(stream, 'gap');
    stream.report({ cause: 'source-lost', from, to, lostMs: to - from, detail: cause });
  };
  return new PulledCaptures(
    { streams, log: log.child({ component: 'captures' }), onGap },
    pullOptions(settings(), ffmpeg),
  );
}
