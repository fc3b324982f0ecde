import { createHash, timingSafeEqual } from 'node:crypto';

/** A secret that others have to know; the text itself is not kept. */
export class Secret {
  readonly #digest: Buffer;

  constructor(text: string) {
    this.#digest = digest(text);
  }

  /** Compares digests, which are of one length: neither the length nor the beginning of the text shows in the time. */
  equals(given: string | Buffer): boolean {
    return timingSafeEqual(digest(given), this.#digest);
  }
}

function digest(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
