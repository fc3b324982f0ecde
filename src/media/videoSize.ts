/** Pixels; 0x0 when unknown. */
export interface VideoSize {
  readonly width: number;
  readonly height: number;
}

/** The answer for "not known". */
export const UNKNOWN_SIZE: VideoSize = { width: 0, height: 0 };

/** Largest width or height taken for real; beyond it the configuration is damaged. */
const MAX_PIXELS = 16_384;

/** False for sizes that no picture has. */
export function isReal({ width, height }: VideoSize): boolean {
  return Math.min(width, height) > 0 && Math.max(width, height) <= MAX_PIXELS;
}
