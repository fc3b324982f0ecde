const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

/** Collects the pieces of one frame and copies them once, when the frame is whole. */
export class FrameBuffer {
  readonly #maxBytes: number;
  readonly #pieces: Buffer[] = [];
  /** Index of the first piece of each length-prefixed unit, ascending. */
  readonly #unitStarts: number[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** False when the frame would be too large; it is then unchanged. */
  add(piece: Buffer): boolean {
    if (this.#bytes + piece.length > this.#maxBytes) return false;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    return true;
  }

  /** Like `add`, and the piece begins a unit that gets a length of four bytes in front. */
  addUnit(piece: Buffer): boolean {
    if (this.#bytes + LENGTH_BYTES + piece.length > this.#maxBytes) return false;
    this.#unitStarts.push(this.#pieces.length);
    this.#bytes += LENGTH_BYTES;
    return this.add(piece);
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#unitStarts.length = 0;
    this.#bytes = 0;
  }

  /** The frame in one buffer of its own, with `prefix` in front; the collection is empty afterwards. */
  take(prefix: Buffer = NOTHING): Buffer {
    const out = Buffer.allocUnsafe(prefix.length + this.#bytes);
    let at = prefix.copy(out);
    let unit = 0;
    let lengthAt = -1;
    const close = () => lengthAt >= 0 && out.writeUInt32BE(at - lengthAt - LENGTH_BYTES, lengthAt);
    this.#pieces.forEach((piece, i) => {
      if (this.#unitStarts[unit] === i) {
        close();
        lengthAt = at;
        at += LENGTH_BYTES;
        unit++;
      }
      at += piece.copy(out, at);
    });
    close();
    this.clear();
    return out;
  }
}
