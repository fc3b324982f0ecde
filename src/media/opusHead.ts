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
