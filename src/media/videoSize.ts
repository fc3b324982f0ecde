/** Pixels; 0x0 when unknown. */
export interface VideoSize {
  readonly width: number;
  readonly height: number;
}

/** The answer for "not known". */
export const UNKNOWN_SIZE: VideoSize = { width: 0, height: 0 };
