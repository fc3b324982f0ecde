// Reads an FLV file and lays it out as the RTMP chunks one publisher sends, once for all publishers.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import process from 'node:process';

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;

/** Chunk size that the load announces before its media, bytes. */
export const CHUNK_SIZE = Number(process.env.BENCH_CHUNK_SIZE ?? 4096);
/** Message stream that createStream answers with on every server measured here. */
const MESSAGE_STREAM_ID = 1;
const CHUNK_STREAM_OF = { [AUDIO]: 4, [VIDEO]: 6, [DATA]: 5 };

/** Tags of an FLV file in order: type, time in milliseconds, body (FLV 10.1, annex E.4.1). */
export function* readTags(path) {
  const file = readFileSync(path);
  let at = file.readUInt32BE(5) + 4;
  while (at + 11 <= file.length) {
    const size = file.readUIntBE(at + 1, 3);
    const timeMs = (file[at + 7] << 24) | file.readUIntBE(at + 4, 3);
    yield { type: file[at], timeMs, body: file.subarray(at + 11, at + 11 + size) };
    at += 11 + size + 4;
  }
}

/** Basic and message header: full at first, time difference only afterwards (RTMP 1.0, 5.3.1). */
function header(tag, previousMs) {
  const full = previousMs === undefined;
  const bytes = Buffer.alloc(full ? 12 : 8);
  bytes[0] = (full ? 0 : 0x40) | CHUNK_STREAM_OF[tag.type];
  bytes.writeUIntBE(full ? tag.timeMs : tag.timeMs - previousMs, 1, 3);
  bytes.writeUIntBE(tag.body.length, 4, 3);
  bytes[7] = tag.type;
  if (full) bytes.writeUInt32LE(MESSAGE_STREAM_ID, 8);
  return bytes;
}

/** A message as chunks of at most {@link CHUNK_SIZE} bytes. */
function* chunks(tag, previousMs) {
  yield header(tag, previousMs);
  yield tag.body.subarray(0, CHUNK_SIZE);
  for (let at = CHUNK_SIZE; at < tag.body.length; at += CHUNK_SIZE) {
    yield Buffer.of(0xc0 | CHUNK_STREAM_OF[tag.type]);
    yield tag.body.subarray(at, at + CHUNK_SIZE);
  }
}

/** `onMetaData` as an encoder sends it, behind the AMF0 string `@setDataFrame`. */
function dataFrame(body) {
  const name = Buffer.from('@setDataFrame');
  return Buffer.concat([Buffer.of(2, 0, name.length), name, body]);
}

/**
 * The whole file as one buffer; `ends[i]` is the offset behind the last byte due at `times[i]` milliseconds, so that
 * what is due between two moments is one slice, never copied.
 */
export function layOut(path) {
  const parts = [];
  const times = [];
  const ends = [];
  const previous = {};
  let length = 0;
  for (const tag of readTags(path)) {
    const sent = tag.type === DATA ? { ...tag, body: dataFrame(tag.body) } : tag;
    for (const part of chunks(sent, previous[tag.type])) {
      parts.push(part);
      length += part.length;
    }
    previous[tag.type] = tag.timeMs;
    times.push(tag.timeMs);
    ends.push(length);
  }
  return { bytes: Buffer.concat(parts), times, ends };
}
