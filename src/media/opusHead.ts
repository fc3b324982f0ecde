const MAGIC = 'OpusHead';
const HEAD_BYTES = 19;

/** What an `OpusHead` says (RFC 7845, 5.1). */
export interface OpusHead {
  readonly channels: number;
  /** Samples at 48 kHz that a player drops at the start. */
  readonly preSkip: number;
}

/** Parses an `OpusHead` with its magic; undefined when it is none. */
export function opusHead(config: Buffer): OpusHead | undefined {
  if (config.length < HEAD_BYTES || config.toString('latin1', 0, 8) !== MAGIC) return undefined;
  const channels = config.readUInt8(9);
  return channels === 0 ? undefined : { channels, preSkip: config.readUInt16LE(10) };
}

/** Writes an `OpusHead` for one or two channels (RFC 7845, 5.1). */
export function writeOpusHead(head: OpusHead): Buffer {
  const out = Buffer.alloc(HEAD_BYTES);
  out.write(MAGIC, 'latin1');
  out.writeUInt8(1, 8);
  out.writeUInt8(head.channels, 9);
  out.writeUInt16LE(head.preSkip, 10);
  out.writeUInt32LE(48_000, 12);
  return out;
}
