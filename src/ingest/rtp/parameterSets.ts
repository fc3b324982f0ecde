import type { VideoFormat } from './depacketiser.ts';

/** Far above what encoders use; more are ignored. */
const MAX_SETS = 16;
const MAX_SET_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/** How a codec sorts and describes its parameter sets. */
export interface ParameterSetCodec {
  /** Kinds in the order in which later ones refer to earlier ones: VPS, SPS, PPS. */
  readonly kinds: number;
  /** Index of the kind; -1 for another NAL unit. */
  kindOf(nal: Buffer): number;
  /** Number of a set within its kind. @throws RangeError when cut short. */
  idOf(nal: Buffer): number;
  /** @throws RangeError when a set is cut short. */
  describe(sets: readonly (readonly Buffer[])[]): Omit<VideoFormat, 'kind' | 'inBandConfig'>;
}

function lengthPrefixed(sets: readonly Buffer[]): Buffer {
  return Buffer.concat(
    sets.flatMap((set) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(set.length);
      return [length, set];
    }),
  );
}

/**
 * The parameter sets in force, from the SDP and from the stream. A new set of one kind ends the sets of later kinds,
 * and those of its own kind that did not come again with it: the encoder was configured anew.
 */
export class ParameterSets {
  readonly #codec: ParameterSetCodec;
  readonly #sets: Buffer[][];
  /** Sets that came since the last picture. */
  readonly #fresh = new Set<Buffer>();
  /** Kinds that came in the unit being put together, as bits. */
  #kindsInUnit = 0;
  #isChanged = false;
  #format: VideoFormat | undefined;
  #prefix: Buffer = NOTHING;

  constructor(codec: ParameterSetCodec) {
    this.#codec = codec;
    this.#sets = Array.from({ length: codec.kinds }, () => []);
  }

  /** Takes a set; false for anything else and for damaged sets. The set is copied. */
  add(nal: Buffer): boolean {
    const kind = this.#codec.kindOf(nal);
    const sets = this.#sets[kind];
    if (sets === undefined || nal.length > MAX_SET_BYTES) return false;
    const known = sets.find((set) => set.equals(nal));
    if (known === undefined) {
      const id = this.#idOf(nal);
      if (id === undefined) return false;
      this.#replace(kind, id, Buffer.from(nal));
    } else this.#fresh.add(known);
    this.#kindsInUnit |= 1 << kind;
    return true;
  }

  /** Some of every kind are known and make a usable configuration. */
  get isUsable(): boolean {
    return this.#format !== undefined;
  }

  /** Some of every kind are known. */
  get areKnown(): boolean {
    return this.#sets.every((sets) => sets.length > 0);
  }

  /** The unit being put together holds some of every kind. */
  get isUnitComplete(): boolean {
    return this.#kindsInUnit === (1 << this.#codec.kinds) - 1;
  }

  /** Sets came since the last picture. */
  get areFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** Every set in force with four-byte lengths. */
  get prefix(): Buffer {
    return this.#prefix;
  }

  beginUnit(): void {
    this.#kindsInUnit = 0;
  }

  endPicture(): void {
    this.#fresh.clear();
  }

  /** The configuration when it changed since the last call and is usable. */
  changedFormat(): VideoFormat | undefined {
    if (!this.#isChanged || !this.areKnown) return undefined;
    this.#isChanged = false;
    try {
      const described = this.#codec.describe(this.#sets);
      if (this.#format?.config.equals(described.config) === true) return undefined;
      this.#format = { ...described, kind: 'video', inBandConfig: true };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#format = undefined;
    }
    this.#prefix = lengthPrefixed(this.#sets.flat());
    return this.#format;
  }

  #idOf(nal: Buffer): number | undefined {
    try {
      return this.#codec.idOf(nal);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #replace(kind: number, id: number, nal: Buffer): void {
    const isLastKind = kind === this.#codec.kinds - 1;
    // Picture parameter sets live beside each other; of the kinds before, only those that came along stay.
    this.#keep(kind, (set) => this.#idOf(set) !== id && (isLastKind || this.#fresh.has(set)));
    for (let later = kind + 1; later < this.#codec.kinds; later++)
      this.#keep(later, (set) => this.#fresh.has(set));
    const sets = this.#sets[kind];
    if (sets === undefined || sets.length >= MAX_SETS) return;
    sets.push(nal);
    this.#fresh.add(nal);
    this.#isChanged = true;
  }

  #keep(kind: number, isKept: (set: Buffer) => boolean): void {
    this.#sets[kind] = (this.#sets[kind] ?? []).filter(isKept);
  }
}
