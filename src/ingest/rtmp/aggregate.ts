import { MESSAGE_TYPE, ProtocolError } from './protocol.ts';
import type { MessageSink } from './protocol.ts';

const TAG_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/**
 * Hands on the audio, video and data messages inside an Aggregate message (RTMP 1.0, 7.1.6), whose first one has
 * `timestamp`. Anything else inside is skipped.
 * @throws ProtocolError when a message inside is cut short.
 */
export function splitAggregate(
  streamId: number,
  timestamp: number,
  payload: Buffer,
  sink: MessageSink,
): void {
  let offset: number | undefined;
  let at = 0;
  while (at + TAG_HEADER_BYTES <= payload.length) {
    const type = payload.readUInt8(at);
    const start = at + TAG_HEADER_BYTES;
    const end = start + payload.readUIntBE(at + 1, 3);
    if (end > payload.length) throw new ProtocolError('message inside an aggregate is cut short');
    // The top byte of the time stands behind the lower three, as in an FLV tag.
    const time = payload.readUIntBE(at + 4, 3) + payload.readUInt8(at + 7) * 2 ** 24;
    offset ??= timestamp - time;
    if (type === MESSAGE_TYPE.audio || type === MESSAGE_TYPE.video || type === MESSAGE_TYPE.dataAmf0) {
      sink.onMessage(type, streamId, (time + offset) >>> 0, payload.subarray(start, end));
    }
    at = end + BACK_POINTER_BYTES;
  }
}
