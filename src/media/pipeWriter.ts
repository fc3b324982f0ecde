import type { Sample } from '../domain/media.ts';

/** Serialises tracks and samples for FFmpeg's stdin. */
export interface PipeWriter {
  /** Bytes that open the stream and declare exactly `tracks`. */
  header(): Buffer;
  /**
   * One batch as few buffers; media bytes of large samples are passed through by reference, never copied. Order of
   * samples is arrival order.
   */
  batch(samples: readonly Sample[]): Buffer[];
}
