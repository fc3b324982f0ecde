import { ProtocolError } from './protocol.ts';

/** A value of AMF0. Dates arrive as milliseconds since the epoch, references as undefined. */
export type AmfValue = number | boolean | string | null | undefined | AmfObject | readonly AmfValue[];

/** An object or associative array. A Map, so that no name a peer chooses reaches a prototype. */
export type AmfObject = ReadonlyMap<string, AmfValue>;

/** Type markers (AMF 0, 2.1). */
const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xml: 15,
  typedObject: 16,
} as const;

const MAX_DEPTH = 8;

/** Builds an object to send. */
export function amfObject(fields: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(fields));
}

/** True for objects and associative arrays. */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return value instanceof Map;
}

/** Every value in `bytes`. @throws ProtocolError when they are not AMF0 or nested deeper than 8. */
export function decodeAmf0(bytes: Buffer): AmfValue[] {
  const reader = new Reader(bytes);
  const values: AmfValue[] = [];
  while (reader.left > 0) values.push(reader.value(0));
  return values;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw new ProtocolError(`AMF0 value nested deeper than ${MAX_DEPTH}`);
    const marker = this.#bytes.readUInt8(this.#take(1));
    switch (marker) {
      case MARKER.number:
        return this.#bytes.readDoubleBE(this.#take(8));
      case MARKER.boolean:
        return this.#bytes.readUInt8(this.#take(1)) !== 0;
      case MARKER.string:
        return this.#text(this.#uint16());
      case MARKER.null:
      case MARKER.unsupported:
        return null;
      case MARKER.undefined:
        return undefined;
      case MARKER.longString:
      case MARKER.xml:
        return this.#text(this.#uint32());
      default:
        return this.#compound(marker, depth);
    }
  }

  #compound(marker: number, depth: number): AmfValue {
    switch (marker) {
      case MARKER.object:
        return this.#object(depth);
      case MARKER.ecmaArray:
        this.#take(4);
        return this.#object(depth);
      case MARKER.typedObject:
        this.#text(this.#uint16());
        return this.#object(depth);
      case MARKER.strictArray:
        return this.#array(depth);
      case MARKER.reference:
        this.#take(2);
        return undefined;
      case MARKER.date: {
        const time = this.#bytes.readDoubleBE(this.#take(8));
        this.#take(2);
        return time;
      }
      default:
        throw new ProtocolError(`AMF0 type ${marker} is not supported`);
    }
  }

  /** The announced count of an associative array is a hint only; some encoders also leave out the last end mark. */
  #object(depth: number): AmfObject {
    const fields = new Map<string, AmfValue>();
    while (this.left > 0) {
      const name = this.#text(this.#uint16());
      if (name === '' && this.#bytes[this.#at] === MARKER.objectEnd) {
        this.#at++;
        break;
      }
      fields.set(name, this.value(depth + 1));
    }
    return fields;
  }

  #array(depth: number): AmfValue[] {
    const values: AmfValue[] = [];
    for (let left = this.#uint32(); left > 0; left--) values.push(this.value(depth + 1));
    return values;
  }

  #text(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  #take(length: number): number {
    if (length > this.left) throw new ProtocolError('AMF0 value is cut short');
    const start = this.#at;
    this.#at += length;
    return start;
  }
}

/** Encodes values one after another. Arrays become strict arrays, objects anonymous objects. */
export function encodeAmf0(values: readonly AmfValue[]): Buffer {
  return Buffer.concat(values.flatMap(encode));
}

function encode(value: AmfValue): Buffer[] {
  if (value === null) return [Buffer.of(MARKER.null)];
  switch (typeof value) {
    case 'undefined':
      return [Buffer.of(MARKER.undefined)];
    case 'number': {
      const bytes = Buffer.alloc(9);
      bytes.writeDoubleBE(value, 1);
      return [bytes];
    }
    case 'boolean':
      return [Buffer.of(MARKER.boolean, value ? 1 : 0)];
    case 'string':
      return encodeString(value);
    default:
      return isAmfObject(value) ? encodeObject(value) : encodeArray(value);
  }
}

function encodeString(value: string): Buffer[] {
  const text = Buffer.from(value);
  if (text.length <= 0xffff) return [Buffer.of(MARKER.string), uint16(text.length), text];
  return [Buffer.of(MARKER.longString), uint32(text.length), text];
}

function encodeObject(value: AmfObject): Buffer[] {
  const fields = [...value].flatMap(([name, field]) => {
    const text = Buffer.from(name);
    return [uint16(text.length), text, ...encode(field)];
  });
  return [Buffer.of(MARKER.object), ...fields, Buffer.of(0, 0, MARKER.objectEnd)];
}

function encodeArray(value: readonly AmfValue[]): Buffer[] {
  return [Buffer.of(MARKER.strictArray), uint32(value.length), ...value.flatMap(encode)];
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
