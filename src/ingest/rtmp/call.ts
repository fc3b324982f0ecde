import { decodeAmf0 } from './amf0.ts';
import type { AmfValue } from './amf0.ts';
import { MESSAGE_TYPE, ProtocolError } from './protocol.ts';

/** A command message (RTMP 1.0, 7.1.1). */
export interface Call {
  readonly name: string;
  /** 0 when no answer is wanted. */
  readonly transaction: number;
  /** NetStream it was sent on; 0 is the NetConnection. */
  readonly streamId: number;
  /** The command object of connect; null in most others. */
  readonly object: AmfValue;
  readonly args: readonly AmfValue[];
}

/** Values of a command or data message; the AMF3 kinds only put a format byte of 0 before AMF0. */
export function messageValues(type: number, payload: Buffer): AmfValue[] {
  const isAmf3 = type === MESSAGE_TYPE.commandAmf3 || type === MESSAGE_TYPE.dataAmf3;
  return decodeAmf0(isAmf3 && payload[0] === 0 ? payload.subarray(1) : payload);
}

/** Reads a command message. @throws ProtocolError when it has no name or is no AMF0. */
export function readCall(type: number, streamId: number, payload: Buffer): Call {
  const [name, transaction, object, ...args] = messageValues(type, payload);
  if (typeof name !== 'string') throw new ProtocolError('command without a name');
  return { name, transaction: typeof transaction === 'number' ? transaction : 0, streamId, object, args };
}
