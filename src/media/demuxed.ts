import type { Track } from '../domain/media.ts';

/** One coded frame as a container holds it. Times are microseconds on the container's own clock. */
export interface DemuxedFrame {
  /** Number of its track in the container. */
  readonly track: number;
  /** Undefined where the container has presentation times only. */
  readonly dts: number | undefined;
  readonly pts: number;
  readonly key: boolean;
  readonly data: Buffer;
}

/** A track as a container declares it. */
export interface DemuxedTrack {
  /** Number in the container. */
  readonly number: number;
  readonly kind: Track['kind'] | undefined;
  /** Undefined when the server cannot use it: its codec, which `codecName` names, is unknown or has no configuration. */
  readonly track: Track | undefined;
  readonly codecName: string;
  /** Microseconds from one frame to the next; undefined when the container does not say. */
  readonly frameUs: number | undefined;
}

/** What a reader tells, in the order of the container. May throw to stop the reader. */
export interface DemuxHandler {
  /** The kinds the container says it has; comes first. */
  onKinds(kinds: { readonly audio: boolean; readonly video: boolean }): void;
  /** A track was declared, or declared anew with another configuration. */
  onTrack(track: DemuxedTrack): void;
  onFrame(frame: DemuxedFrame): void;
  /** All that came was whole, as it is behind what a writer gathers. */
  onPause?(): void;
}

/** Reads a container as it arrives. */
export interface Demuxer {
  /** @throws ContainerError for bytes that are not the container; the reader is of no use after it. */
  write(chunk: Buffer): void;
}

/** What was read is not the container it should be, or passes a bound. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
}
