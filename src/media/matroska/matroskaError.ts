/**
 * Why a WebM or MKV file cannot be finalised. `nothing-to-save`: no block reached the file. `not-matroska`: some
 * other file. `corrupt`: elements that no recording can do without are damaged.
 */
export type MatroskaErrorCode = 'nothing-to-save' | 'not-matroska' | 'corrupt';

/** A file that the finaliser refuses; it was left as it was. */
export class MatroskaError extends Error {
  override readonly name = 'MatroskaError';
  readonly code: MatroskaErrorCode;

  constructor(code: MatroskaErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
