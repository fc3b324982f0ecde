import type { Logger } from '../../domain/log.ts';
import type { Stream } from '../../streams/stream.ts';
import { LeapReports } from '../../streams/leapReports.ts';
import type { Streams } from '../../streams/streams.ts';
import { Timeline } from '../../streams/timeline.ts';
import type { Leap, LeapBounds } from '../../streams/timeline.ts';
import { isAmfObject } from './amf0.ts';
import type { AmfValue } from './amf0.ts';
import { AudioReceiver } from './audioReceiver.ts';
import { Problems } from './problems.ts';
import { MediaClock } from './timestamps.ts';
import { VideoReceiver } from './videoReceiver.ts';

/** Where a stream is published, and what its times may do. */
export interface PublicationPlace {
  readonly streams: Streams;
  /** NetStream that it is published on. */
  readonly streamId: number;
  readonly leapBounds: LeapBounds;
}

/** One published stream from its publish command to its end. */
export class Publication {
  readonly stream: Stream;
  /** NetStream that the client publishes on. */
  readonly streamId: number;
  readonly #streams: Streams;
  readonly #log: Logger;
  readonly #problems: Problems;
  readonly #leaps: LeapReports;
  readonly #video: VideoReceiver;
  readonly #audio: AudioReceiver;
  #messages = 0;

  constructor(stream: Stream, place: PublicationPlace, log: Logger) {
    this.stream = stream;
    this.streamId = place.streamId;
    this.#streams = place.streams;
    this.#log = log.child({ streamName: stream.name, mediaSessionId: stream.mediaSessionId });
    this.#problems = new Problems(this.#log);
    this.#leaps = new LeapReports(this.#log);
    const onLeap = (leap: Leap): void => this.#leaps.add(stream, leap);
    const clock = new MediaClock(new Timeline({ bounds: place.leapBounds, onLeap }));
    this.#video = new VideoReceiver(stream, clock, this.#problems);
    this.#audio = new AudioReceiver(stream, clock, this.#problems);
    this.#log.info('rtmp stream published');
  }

  video(timestamp: number, message: Buffer): void {
    this.#messages++;
    this.#video.receive(timestamp, message);
  }

  audio(timestamp: number, message: Buffer): void {
    this.#messages++;
    this.#audio.receive(timestamp, message);
  }

  /** Learns from the object of an onMetaData which kinds of media will come. */
  metadata(value: AmfValue): void {
    if (!isAmfObject(value)) return;
    const isNamed = (key: string): boolean => {
      const codec = value.get(key);
      return codec !== undefined && codec !== null && codec !== '';
    };
    const expected = { audio: isNamed('audiocodecid'), video: isNamed('videocodecid') };
    if (expected.audio || expected.video) this.stream.expected = expected;
  }

  /** Logs what was dropped since the last call. To be called about once a second. */
  reportProblems(): void {
    this.#problems.report();
  }

  /** Ends the stream. Later calls do nothing. */
  end(reason: string): void {
    if (this.stream.ended) return;
    this.#problems.report();
    this.#leaps.close();
    this.#streams.unpublish(this.stream);
    this.#log.info('rtmp stream ended', {
      reason,
      messages: this.#messages,
      dropped: this.#problems.totals(),
    });
  }
}
