import { DEFAULT_CHUNK_BYTES } from './protocol.ts';

/** One message to send. */
export interface OutgoingMessage {
  /** 2 to 63. */
  readonly chunkStreamId: number;
  readonly type: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const FIRST_HEADER_BYTES = 12;

/** Cuts messages into chunks (RTMP 1.0, 5.3.1), all with timestamp 0: a server of publishers sends no media. */
export class ChunkWriter {
  /** Bytes of payload per chunk; to be changed when a Set Chunk Size has been sent. */
  chunkBytes = DEFAULT_CHUNK_BYTES;

  write({ chunkStreamId, type, streamId, payload }: OutgoingMessage): Buffer {
    const chunks = Math.max(1, Math.ceil(payload.length / this.chunkBytes));
    const out = Buffer.alloc(FIRST_HEADER_BYTES + payload.length + chunks - 1);
    out.writeUInt8(chunkStreamId, 0);
    out.writeUIntBE(payload.length, 4, 3);
    out.writeUInt8(type, 7);
    out.writeUInt32LE(streamId, 8);
    let at = FIRST_HEADER_BYTES;
    for (let from = 0; from < payload.length; from += this.chunkBytes) {
      if (from > 0) at = out.writeUInt8(0xc0 | chunkStreamId, at);
      at += payload.copy(out, at, from, from + this.chunkBytes);
    }
    return out;
  }
}
