import { writeSize } from '../ebml.ts';
import { ID } from './ids.ts';

/** Begins a checksum: ID and size. */
const CRC_HEAD = Buffer.from([ID.crc32, 0x84]);

/** True when `bytes` leave nothing of `room`, or enough for a Void: no element is one byte long. */
export function fits(bytes: number, room: number): boolean {
  return bytes === room || bytes + 2 <= room;
}

/** Makes a Void of all of `room`, which may be empty. */
export function fillVoid(room: Buffer): void {
  if (room.length === 0) return;
  room.fill(0);
  room[0] = ID.void;
  const sizeBytes = room.length < 9 ? 1 : 8;
  writeSize(room.subarray(1, 1 + sizeBytes), room.length - 1 - sizeBytes);
}

/** Makes a Void of the checksum that an element's content may begin with: the content is no longer what it was. */
export function dropChecksum(body: Buffer): void {
  if (body.subarray(0, CRC_HEAD.length).equals(CRC_HEAD)) body[0] = ID.void;
}
