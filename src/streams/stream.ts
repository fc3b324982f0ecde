import type { Incident, IncidentCause } from '../domain/incident.ts';
import type { Sample, Track } from '../domain/media.ts';
import { sameTrack } from '../domain/media.ts';
import type { Publisher } from '../domain/publisher.ts';
import { Drift } from './drift.ts';
import { GopCache } from './gopCache.ts';
import type { KeyFrame, StreamItem } from './gopCache.ts';

/** After these the media's time stands elsewhere beside ours. */
const TIME_CAUSES: ReadonlySet<IncidentCause> = new Set([
  'publisher-away',
  'source-lost',
  'timestamps-leapt',
]);

/** Receives a stream: tracks and samples in the order they arrived, then the end, once. Must not throw. */
export interface StreamSubscriber {
  /** A track appeared, or its configuration changed; samples after this call use it. */
  onTrack(track: Track): void;
  onSample(sample: Sample): void;
  /** No more samples come for a while: whoever gathers them can use what there is. */
  onFlush?(): void;
  /** Something happened to the media right before the next sample. */
  onIncident?(incident: Incident): void;
  onEnd(): void;
}

/** Kinds a publisher announced before any media, so that nobody waits for a track that will not come. */
export interface ExpectedKinds {
  readonly audio: boolean;
  readonly video: boolean;
}

/** RTP packets of a stream. */
export interface PacketCounts {
  /** Distinct ones that arrived. */
  readonly received: number;
  /** Given up, however often they were asked for. */
  readonly lost: number;
}

export interface StreamInit {
  readonly name: string;
  readonly mediaSessionId: string;
  readonly publisher: Publisher;
  /** Query parameters of the stream name. */
  readonly custom: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The client asked for a recording (WebRTC's `record`); undefined where the protocol has no such wish. */
  readonly record?: boolean;
  /** PUBLISHING where it is absent. */
  readonly status?: StreamStatus;
  /** Where the publisher says before any media what will come. */
  readonly expected?: ExpectedKinds;
  /** Bound of the cache that on-demand recordings start from, bytes. */
  readonly gopCacheMaxBytes: number;
}

/** WCS's words for a published stream: PENDING until its media can flow. */
export type StreamStatus = 'PENDING' | 'PUBLISHING';

/** A named live media flow. One publisher feeds it; subscribers are called synchronously, in order. */
export class Stream {
  readonly init: StreamInit;
  /** Newest configuration of every track, by id. */
  readonly tracks = new Map<number, Track>();
  status: StreamStatus;
  /** Undefined until the publisher says what will come. */
  expected: ExpectedKinds | undefined;
  /** Kinds that the publisher says it has muted; their samples go on. */
  readonly muted = { audio: false, video: false };
  /** Wall clock (ms since the epoch) at the arrival of the first sample, whose dts is the origin of sample time. */
  mediaStartedAt: number | undefined;
  /** What was received, without what was lost or could not be used. */
  readonly received = { bytes: 0, samples: 0 };
  /** Where packets can be lost: how they came through so far. */
  packets: (() => PacketCounts) | undefined;
  /** Makes the publisher wait (true) or go on (false); set by publishers whose media can wait. */
  setPaused: ((isPaused: boolean) => void) | undefined;
  /** Told of every new or changed track; set by who follows the stream without its samples. */
  onTrackSet: ((track: Track) => void) | undefined;
  /** Has media that has arrived read at once; set by publishers that are read in batches. */
  wake: (() => void) | undefined;
  #gop: GopCache;
  readonly #subscribers = new Set<StreamSubscriber>();
  readonly #holds = new Set<symbol>();
  readonly #drift = new Drift();
  /** The track whose times are held against our clock: the first that gives media. */
  #driftTrackId: number | undefined;
  #ended = false;

  constructor(init: StreamInit) {
    this.init = init;
    this.status = init.status ?? 'PUBLISHING';
    this.expected = init.expected;
    this.#gop = new GopCache(init.gopCacheMaxBytes);
  }

  get name(): string {
    return this.init.name;
  }

  get mediaSessionId(): string {
    return this.init.mediaSessionId;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Adds a track or changes its configuration. An equal configuration sent again changes nothing. */
  setTrack(track: Track): void {
    const known = this.tracks.get(track.id);
    if (this.#ended || (known !== undefined && sameTrack(known, track))) return;
    this.tracks.set(track.id, track);
    this.#gop.addTrack(track);
    for (const subscriber of this.#subscribers) subscriber.onTrack(track);
    this.onTrackSet?.(track);
    if (known !== undefined) this.#reportChange(known, track);
  }

  /** Hands one sample to every subscriber. Samples of unknown tracks are a programming error and are ignored. */
  push(sample: Sample): void {
    const track = this.tracks.get(sample.trackId);
    if (this.#ended || track === undefined) return;
    this.mediaStartedAt ??= Date.now();
    this.#driftTrackId ??= sample.trackId;
    if (sample.trackId === this.#driftTrackId) this.#drift.sample(sample.dts, performance.now());
    this.received.samples++;
    this.received.bytes += sample.data.length;
    this.#gop.addSample(sample, track);
    for (const subscriber of this.#subscribers) subscriber.onSample(sample);
  }

  /** Told by publishers that are read in batches, behind each batch. */
  flush(): void {
    for (const subscriber of this.#subscribers) subscriber.onFlush?.();
  }

  /** Tells every subscriber what happened to the media before the next sample. */
  report(incident: Incident): void {
    if (TIME_CAUSES.has(incident.cause)) this.#drift.restart();
    for (const subscriber of this.#subscribers) subscriber.onIncident?.(incident);
  }

  /** A subscriber is behind: the publisher waits, if it can, until the returned function is called. */
  hold(): () => void {
    const hold = Symbol('hold');
    this.#holds.add(hold);
    if (this.#holds.size === 1) this.setPaused?.(true);
    return () => {
      if (this.#holds.delete(hold) && this.#holds.size === 0) this.setPaused?.(false);
    };
  }

  /** Ends the stream for every subscriber. Later calls do nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#gop = new GopCache(0);
    for (const subscriber of [...this.#subscribers]) subscriber.onEnd();
    this.#subscribers.clear();
  }

  /** How much faster the publisher's clock runs than ours, see {@link Drift.ppm}. */
  get driftPpm(): number | undefined {
    return this.#drift.ppm;
  }

  /** The newest picture that can be decoded alone. */
  get keyFrame(): KeyFrame | undefined {
    return this.#gop.keyFrame;
  }

  /** How much of the stream {@link cached} holds, microseconds of stream time. */
  get cachedUs(): number {
    return this.#gop.spanUs;
  }

  /** The stream since its newest video key frame, tracks first. */
  cached(): readonly StreamItem[] {
    return this.#gop.replay();
  }

  /** Replays the cached GOP to `subscriber`, then follows the live stream until the returned function is called. */
  subscribe(subscriber: StreamSubscriber): () => void {
    for (const item of this.cached()) {
      if ('track' in item) subscriber.onTrack(item.track);
      else subscriber.onSample(item.sample);
    }
    if (this.#ended) subscriber.onEnd();
    else this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #reportChange(from: Track, to: Track): void {
    const now = Date.now();
    const detail = `${formatOf(from)} to ${formatOf(to)}`;
    this.report({ cause: 'track-changed', from: now, to: now, lostMs: 0, trackId: to.id, detail });
  }
}

/** A track's codec and shape for people, e.g. `h264 640x360`. */
function formatOf(track: Track): string {
  if (track.kind === 'video') return `${track.codec} ${track.width}x${track.height}`;
  return `${track.codec} ${track.sampleRate} Hz, ${track.channels} ch`;
}
