/** When a recording closes one part and opens the next. */
export type Rotation =
  | { readonly kind: 'none' }
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'size'; readonly bytes: number };

const MEGABYTE = 1_048_576;
const MAX_SECONDS = 604_800;
const MAX_MEGABYTES = 1_048_576;

/** What {@link parseRotation} takes, for messages and documentation. */
export const ROTATION_ALLOWED =
  `a number of seconds from 1 to ${MAX_SECONDS}, or megabytes from 1M to ${MAX_MEGABYTES}M ` +
  '(1M = 1048576 bytes); empty, 0 or false keeps one file';

/**
 * Reads `record_rotation` and REST's `config.rotation` as WCS spells them: `20` is seconds, `10M` is megabytes;
 * an empty text, `0` and `false` mean one file.
 * @throws RangeError saying what is allowed.
 */
export function parseRotation(text: string): Rotation {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '0' || trimmed.toLowerCase() === 'false') return { kind: 'none' };
  const match = /^(\d{1,9})(m?)$/i.exec(trimmed);
  const amount = Number(match?.[1] ?? 0);
  const isSize = match?.[2] !== '';
  if (amount < 1 || amount > (isSize ? MAX_MEGABYTES : MAX_SECONDS)) {
    throw new RangeError(`a rotation is ${ROTATION_ALLOWED}`);
  }
  return isSize ? { kind: 'size', bytes: amount * MEGABYTE } : { kind: 'time', seconds: amount };
}
