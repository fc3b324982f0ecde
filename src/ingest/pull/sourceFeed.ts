import type { Logger } from '../../domain/log.ts';
import type { Track, VideoTrack } from '../../domain/media.ts';
import type { DemuxedFrame, DemuxedTrack, DemuxHandler } from '../../media/demuxed.ts';
import { changedAvcC, withoutTrailingZeros } from '../../media/nalUnits.ts';
import { reorderDepth, videoSize } from '../../media/codecConfig.ts';
import type { ExpectedKinds, Stream } from '../../streams/stream.ts';
import type { Timeline } from '../../streams/timeline.ts';
import { VideoTimes } from './videoTimes.ts';

/** Ids of the tracks of every captured stream: they stay over a reconnect. */
const TRACK_IDS = { video: 1, audio: 2 } as const;
/** Frame rates outside of these are guesses of FFmpeg that went wrong. */
const MIN_FRAME_US = 4_000;
const MAX_FRAME_US = 1_000_000;

/** Thrown out of a reader: the source has nothing the server can use. */
export class NoUsableTrack extends Error {
  override readonly name = 'NoUsableTrack';
  /** The codec is known, but its configuration never came. */
  readonly isUnconfigured: boolean;

  constructor(isUnconfigured: boolean) {
    super('no usable track');
    this.isUnconfigured = isUnconfigured;
  }
}

export interface SourceFeedDeps {
  /** The stream that gets the media: asked once, when there is a first sample for it. */
  readonly open: (kinds: ExpectedKinds) => Stream;
  readonly timeline: Timeline;
  readonly log: Logger;
  /** The container has presentation times only. */
  readonly lacksDecodeTimes: boolean;
}

interface Input {
  track: Track;
  /** Undefined for tracks whose times need no work. */
  readonly times: VideoTimes | undefined;
}

/** Puts the media of one connection on its stream, from the first video key frame on. */
export class SourceFeed implements DemuxHandler {
  readonly #deps: SourceFeedDeps;
  readonly #inputs = new Map<number, Input>();
  #kinds: ExpectedKinds = { audio: false, video: false };
  #stream: Stream | undefined;
  #hasKeyFrame = false;
  #unusable = { audio: false, video: false };
  #isUnconfigured = false;

  constructor(deps: SourceFeedDeps) {
    this.#deps = deps;
  }

  onKinds(kinds: ExpectedKinds): void {
    this.#kinds = kinds;
  }

  onTrack(declared: DemuxedTrack): void {
    const { kind, number, track } = declared;
    if (kind === undefined) return;
    if (track === undefined) this.#refuse(kind, declared);
    else {
      const own: Track = { ...track, id: TRACK_IDS[kind] };
      this.#inputs.set(number, { track: own, times: this.#timesOf(own, declared) });
      this.#stream?.setTrack(own);
    }
    if (this.#hasNothing()) throw new NoUsableTrack(this.#isUnconfigured);
  }

  onFrame(frame: DemuxedFrame): void {
    const input = this.#inputs.get(frame.track);
    if (input === undefined || frame.data.length === 0) return;
    if (input.track.kind === 'video') {
      if (frame.key) this.#onKeyFrame(input, input.track, frame.data);
      else if (!this.#hasKeyFrame) return;
    }
    if (input.times !== undefined) input.times.push(withCleanEnd(frame, input.track.codec));
    else this.#push(input.track.id, frame, frame.dts ?? frame.pts, frame.pts);
  }

  onPause(): void {
    this.#stream?.flush();
  }

  #push(trackId: number, frame: DemuxedFrame, dts: number, pts: number): void {
    const sourceDts = Math.round(dts);
    const offset = this.#deps.timeline.offsetUs(trackId, sourceDts);
    this.#stream ??= this.#open();
    this.#stream.push({
      trackId,
      dts: sourceDts + offset,
      pts: Math.round(pts) + offset,
      key: frame.key,
      data: frame.data,
    });
  }

  #open(): Stream {
    const { audio, video } = this.#kinds;
    const kinds = { audio: audio && !this.#unusable.audio, video: video && !this.#unusable.video };
    const stream = this.#deps.open(kinds);
    stream.expected = kinds;
    for (const { track } of this.#inputs.values()) stream.setTrack(track);
    return stream;
  }

  /** A camera may change its picture without a new connection: its key frames tell. */
  #onKeyFrame(input: Input, track: VideoTrack, data: Buffer): void {
    this.#hasKeyFrame = true;
    const config = track.codec === 'h264' ? changedAvcC(track.config, data) : undefined;
    if (config === undefined) return;
    input.track = { ...track, config, ...videoSize('h264', config) };
    this.#stream?.setTrack(input.track);
  }

  #timesOf(track: Track, { frameUs }: DemuxedTrack): VideoTimes | undefined {
    if (track.kind === 'audio' || !this.#deps.lacksDecodeTimes) return undefined;
    const isReal = frameUs !== undefined && frameUs >= MIN_FRAME_US && frameUs <= MAX_FRAME_US;
    const depth = reorderDepth(track.codec, track.config) ?? 0;
    return new VideoTimes({ depth, frameUs: isReal ? frameUs : undefined }, (frame, dts, pts) =>
      this.#push(track.id, frame, dts, pts),
    );
  }

  #refuse(kind: Track['kind'], { number, codecName }: DemuxedTrack): void {
    this.#inputs.delete(number);
    this.#unusable = { ...this.#unusable, [kind]: true };
    this.#isUnconfigured ||= /^V_MPEG/.test(codecName);
    this.#deps.log.warn('track of the source cannot be used', { kind, codec: codecName });
  }

  #hasNothing(): boolean {
    const { audio, video } = this.#kinds;
    return (!audio || this.#unusable.audio) && (!video || this.#unusable.video);
  }
}

function withCleanEnd(frame: DemuxedFrame, codec: Track['codec']): DemuxedFrame {
  if (codec !== 'h264' && codec !== 'hevc') return frame;
  const data = withoutTrailingZeros(frame.data);
  return data === frame.data ? frame : { ...frame, data };
}
