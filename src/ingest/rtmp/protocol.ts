/** What a peer did wrong. Ends its connection and nothing else. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Message types (RTMP 1.0, 5.4, 6.2 and 7.1). */
export const MESSAGE_TYPE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  dataAmf0: 18,
  commandAmf0: 20,
  aggregate: 22,
} as const;

/** User control events (RTMP 1.0, 7.1.7). */
export const USER_EVENT = { streamBegin: 0, pingRequest: 6, pingResponse: 7 } as const;

/** Chunk size of both sides before a Set Chunk Size, bytes (RTMP 1.0, 5.4.1). */
export const DEFAULT_CHUNK_BYTES = 128;

/** Largest useful chunk size: a message is never longer (RTMP 1.0, 5.4.1). */
export const MAX_CHUNK_BYTES = 0xffffff;

/** Receives whole messages in the order they were completed. */
export interface MessageSink {
  /**
   * One message. `timestamp` is the unsigned 32-bit RTMP time in milliseconds. `payload` is shared, never written to.
   * @throws ProtocolError when the message breaks the protocol.
   */
  onMessage(type: number, streamId: number, timestamp: number, payload: Buffer): void;
}
