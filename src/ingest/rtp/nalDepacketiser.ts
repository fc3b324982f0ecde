import type { Depacketiser, DepacketiserInit, DepacketiserOutput } from './depacketiser.ts';
import { FrameBuffer } from './frameBuffer.ts';
import type { ParameterSets } from './parameterSets.ts';

/** A parameter set in fragments is against good sense, but legal; longer than this it is none. */
const MAX_FRAGMENTED_SET_BYTES = 8192;
/** Behind a NAL unit's header; they hold what tells whether a slice is the first of its picture. */
const TELLING_BYTES = 2;

/** What a NAL unit is for. */
export type NalRole = 'slice' | 'keySlice' | 'parameterSet' | 'other' | 'ignored';

/** Which end of a NAL unit a fragment is. */
export interface FragmentBounds {
  readonly isStart: boolean;
  readonly isEnd: boolean;
}

/** A payload in pieces: whole NAL units, or one fragment. */
export interface NalSink {
  unit(nal: Buffer): void;
  /** `header` is the NAL unit's own header, rebuilt; only used when `isStart`. */
  fragment(header: Buffer, piece: Buffer, bounds: FragmentBounds): void;
  /** The payload makes no sense. */
  malformed(): void;
}

/** What H.264 and HEVC do differently. */
export interface NalFormat {
  readonly parameterSets: ParameterSets;
  /** Splits one payload. Must not throw. */
  split(payload: Buffer, sink: NalSink): void;
  /** Told by the header. */
  role(nal: Buffer): NalRole;
  /** True when a slice is the first of its picture. Told by the header and two bytes behind it. */
  isFirstSlice(nal: Buffer): boolean;
  startsKeyFrame(payload: Buffer): boolean;
}

/**
 * Access units of H.264 (RFC 6184) and HEVC (RFC 7798). A unit ends with the marker, or with the next timestamp when
 * the marker is missing. Parameter sets stay in the key frames, and a key frame that has none gets the known ones,
 * so that every key frame can be decoded alone. A gap discards the unit it falls into.
 */
export class NalDepacketiser implements Depacketiser, NalSink {
  readonly #format: NalFormat;
  readonly #output: DepacketiserOutput;
  readonly #buffer: FrameBuffer;
  #timestamp = -1;
  #isKey = false;
  #hasSlice = false;
  #isDamaged = false;
  #inFragment = false;
  /** A parameter set that comes in fragments. */
  #fragmentedSet: Buffer | undefined;
  /** Packets were lost before this unit, so its own beginning may be missing. Nobody knows what was before the first. */
  #followsGap = true;
  /** Key frames had parameter sets of their own. */
  #hasHadSets = false;
  #hasHadMarker = false;

  constructor(format: NalFormat, init: DepacketiserInit, output: DepacketiserOutput) {
    this.#format = format;
    this.#output = output;
    this.#buffer = new FrameBuffer(init.maxFrameBytes);
  }

  startsKeyFrame(payload: Buffer): boolean {
    return this.#format.startsKeyFrame(payload);
  }

  push(payload: Buffer, timestamp: number, isMarked: boolean): void {
    if (timestamp !== this.#timestamp) {
      this.#finish();
      this.#timestamp = timestamp;
    }
    this.#format.split(payload, this);
    if (!isMarked) return;
    this.#hasHadMarker = true;
    this.#finish();
  }

  gap(): void {
    if (!this.#buffer.isEmpty || this.#inFragment) this.#isDamaged = true;
    this.#inFragment = false;
    this.#fragmentedSet = undefined;
    this.#followsGap = true;
  }

  flush(): void {
    // A sender that marks the ends has not sent this one.
    if (this.#hasHadMarker && this.#hasSlice) this.#isDamaged = true;
    this.#finish();
  }

  unit(nal: Buffer): void {
    this.#inFragment = false;
    const role = this.#format.role(nal);
    if (role !== 'ignored') this.#begin(nal, role);
  }

  fragment(header: Buffer, piece: Buffer, bounds: FragmentBounds): void {
    if (!bounds.isStart && !this.#inFragment) {
      this.#isDamaged = true;
      return;
    }
    if (bounds.isStart) this.#beginFragments(header, piece);
    else if (this.#fragmentedSet !== undefined)
      this.#fragmentedSet = Buffer.concat([this.#fragmentedSet, piece]);
    else if (!this.#buffer.add(piece)) this.#isDamaged = true;
    this.#inFragment = !bounds.isEnd;
    const set = this.#fragmentedSet;
    if (set === undefined || (this.#inFragment && set.length <= MAX_FRAGMENTED_SET_BYTES)) return;
    this.#fragmentedSet = undefined;
    if (this.#inFragment) this.#isDamaged = true;
    else this.#begin(set, 'parameterSet');
  }

  malformed(): void {
    this.#isDamaged = true;
  }

  #beginFragments(header: Buffer, piece: Buffer): void {
    const role = this.#format.role(header);
    if (role === 'parameterSet') {
      // It can be read when it is whole.
      this.#fragmentedSet = Buffer.concat([header, piece]);
      return;
    }
    this.#fragmentedSet = undefined;
    // The media itself is copied once, when the frame is whole.
    this.#note(Buffer.concat([header, piece.subarray(0, TELLING_BYTES)]), role);
    if (!this.#buffer.addUnit(header) || !this.#buffer.add(piece)) this.#isDamaged = true;
  }

  #begin(nal: Buffer, role: NalRole): void {
    if (role === 'parameterSet') this.#format.parameterSets.add(nal);
    this.#note(nal, role);
    if (!this.#buffer.addUnit(nal)) this.#isDamaged = true;
  }

  /** A unit of the frame begins with these bytes. */
  #note(nal: Buffer, role: NalRole): void {
    if (role === 'slice' || role === 'keySlice') {
      if (!this.#hasSlice && this.#followsGap && !this.#format.isFirstSlice(nal)) this.#isDamaged = true;
      this.#hasSlice = true;
      this.#isKey ||= role === 'keySlice';
    }
  }

  #finish(): void {
    if (this.#inFragment) this.#isDamaged = true;
    // Parameter sets alone are no picture: they are known now and go out with the next key frame.
    if (this.#hasSlice || this.#isDamaged) {
      if (this.#isDamaged || this.#mayLackSets) this.#output.damage();
      else this.#deliver();
      this.#format.parameterSets.endPicture();
      this.#followsGap = false;
    }
    this.#buffer.clear();
    this.#format.parameterSets.beginUnit();
    this.#fragmentedSet = undefined;
    this.#isDamaged = false;
    this.#inFragment = false;
    this.#hasSlice = false;
    this.#isKey = false;
  }

  /** Changed sets may have been lost: a key frame that had some until now cannot be trusted with the old ones. */
  get #mayLackSets(): boolean {
    return this.#isKey && this.#followsGap && this.#hasHadSets && !this.#format.parameterSets.areFresh;
  }

  #deliver(): void {
    const sets = this.#format.parameterSets;
    if (this.#isKey) {
      this.#hasHadSets ||= sets.areFresh;
      const format = sets.changedFormat();
      if (format !== undefined) this.#output.format(format);
    }
    // Before the first configuration nothing can be decoded.
    if (!sets.isUsable) {
      this.#output.damage();
      return;
    }
    const prefix = this.#isKey && !sets.isUnitComplete ? sets.prefix : undefined;
    this.#output.frame({ timestamp: this.#timestamp, key: this.#isKey, data: this.#buffer.take(prefix) });
  }
}
