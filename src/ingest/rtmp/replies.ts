import { amfObject, encodeAmf0 } from './amf0.ts';
import type { AmfObject, AmfValue } from './amf0.ts';
import { ChunkWriter } from './chunkWriter.ts';
import { MESSAGE_TYPE, USER_EVENT } from './protocol.ts';

/** What an onStatus says (RTMP 1.0, 7.2.2). */
export interface Status {
  readonly level: 'status' | 'error';
  readonly code: string;
  readonly description: string;
}

const CONTROL_CHUNK_STREAM = 2;
const COMMAND_CHUNK_STREAM = 3;
const WINDOW_BYTES = 2_500_000;
const LIMIT_DYNAMIC = 2;

/** Writes everything the server says to one client. */
export class Replies {
  readonly #send: (bytes: Buffer) => void;
  readonly #writer = new ChunkWriter();

  /** @param send hands bytes to the connection. */
  constructor(send: (bytes: Buffer) => void) {
    this.#send = send;
  }

  /** Window Acknowledgement Size, Set Peer Bandwidth and Set Chunk Size, which encoders adopt for their own output. */
  limits(chunkBytes: number): void {
    this.#control(MESSAGE_TYPE.windowAckSize, uint32(WINDOW_BYTES));
    this.#control(
      MESSAGE_TYPE.setPeerBandwidth,
      Buffer.concat([uint32(WINDOW_BYTES), Buffer.of(LIMIT_DYNAMIC)]),
    );
    this.#control(MESSAGE_TYPE.setChunkSize, uint32(chunkBytes));
    this.#writer.chunkBytes = chunkBytes;
  }

  /** @param bytes received so far, of which RTMP carries the lower 32 bits. */
  acknowledge(bytes: number): void {
    this.#control(MESSAGE_TYPE.acknowledgement, uint32(bytes % 2 ** 32));
  }

  pong(time: Buffer): void {
    this.#control(MESSAGE_TYPE.userControl, Buffer.concat([Buffer.of(0, USER_EVENT.pingResponse), time]));
  }

  streamBegin(streamId: number): void {
    this.#control(
      MESSAGE_TYPE.userControl,
      Buffer.concat([Buffer.of(0, USER_EVENT.streamBegin), uint32(streamId)]),
    );
  }

  result(transaction: number, ...values: readonly AmfValue[]): void {
    this.command(0, '_result', transaction, ...values);
  }

  error(transaction: number, description: string): void {
    const info = { level: 'error', code: 'NetConnection.Call.Failed', description };
    this.command(0, '_error', transaction, null, amfObject(info));
  }

  status(streamId: number, status: Status): void {
    this.command(streamId, 'onStatus', 0, null, amfObject({ ...status }));
  }

  command(streamId: number, ...values: readonly AmfValue[]): void {
    this.#send(
      this.#writer.write({
        chunkStreamId: COMMAND_CHUNK_STREAM,
        type: MESSAGE_TYPE.commandAmf0,
        streamId,
        payload: encodeAmf0(values),
      }),
    );
  }

  #control(type: number, payload: Buffer): void {
    this.#send(this.#writer.write({ chunkStreamId: CONTROL_CHUNK_STREAM, type, streamId: 0, payload }));
  }
}

/** First object of the reply to connect. */
export const CONNECT_PROPERTIES: AmfObject = amfObject({
  fmsVer: 'FMS/3,5,7,7009',
  capabilities: 31,
  mode: 1,
});

/** Second object of the reply to connect; `enhanced` adds what Enhanced RTMP clients look for. */
export function connectInformation(enhanced: boolean): AmfObject {
  return amfObject({
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connection succeeded.',
    objectEncoding: 0,
    ...(enhanced ? ENHANCED : {}),
  });
}

const VIDEO_FOUR_CCS = ['avc1', 'hvc1', 'av01', 'vp09', 'vp08'];
const AUDIO_FOUR_CCS = ['mp4a', 'Opus', '.mp3'];
/** FourCcInfoMask.CanForward and CapsExMask.ModEx of Enhanced RTMP v2. */
const CAN_FORWARD = 4;
const CAPS_MOD_EX = 4;
const ENHANCED = {
  fourCcList: [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS],
  videoFourCcInfoMap: forwarded(VIDEO_FOUR_CCS),
  audioFourCcInfoMap: forwarded(AUDIO_FOUR_CCS),
  capsEx: CAPS_MOD_EX,
};

function forwarded(fourCcs: readonly string[]): AmfObject {
  return new Map(fourCcs.map((fourCc) => [fourCc, CAN_FORWARD]));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
