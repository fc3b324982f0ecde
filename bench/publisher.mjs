// The least an RTMP encoder says (RTMP 1.0, 7.2): handshake, connect, releaseStream, FCPublish, createStream,
// publish, and FCUnpublish and deleteStream at the end. Of the server's answers only the needed words are looked for.
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { CHUNK_SIZE } from './flv.mjs';

const string = (text) =>
  Buffer.concat([Buffer.of(2, text.length >> 8, text.length & 255), Buffer.from(text)]);
const number = (value) => {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
};
const NULL = Buffer.of(5);
const object = (fields) => {
  const pairs = Object.entries(fields).map(([key, value]) =>
    Buffer.concat([string(key).subarray(1), string(value)]),
  );
  return Buffer.concat([Buffer.of(3), ...pairs, Buffer.of(0, 0, 9)]);
};

/** One message in chunks of at most `chunkSize` bytes (RTMP 1.0, 5.3.1). */
function message({ type, streamId = 0, chunkStream = 3, body, chunkSize = CHUNK_SIZE }) {
  const header = Buffer.alloc(12);
  header[0] = chunkStream;
  header.writeUIntBE(body.length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(streamId, 8);
  const parts = [header, body.subarray(0, chunkSize)];
  for (let at = chunkSize; at < body.length; at += chunkSize) {
    parts.push(Buffer.of(0xc0 | chunkStream), body.subarray(at, at + chunkSize));
  }
  return Buffer.concat(parts);
}

const command = (streamId, ...values) => message({ type: 20, streamId, body: Buffer.concat(values) });

function setChunkSize() {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(CHUNK_SIZE);
  return message({ type: 1, chunkStream: 2, body, chunkSize: 128 });
}

/** Waits until the server has sent `count` bytes, or the given text, since the last wait. */
function answer(socket, expected) {
  let heard = Buffer.alloc(0);
  const isThere =
    typeof expected === 'number' ? () => heard.length >= expected : () => heard.includes(expected);
  return new Promise((resolve, reject) => {
    const settle = (outcome, value) => {
      clearTimeout(timer);
      socket.off('data', listen).off('close', refuse);
      outcome(value);
    };
    const listen = (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      if (isThere()) settle(resolve);
    };
    const refuse = () => settle(reject, new Error(`no ${expected} from the server`));
    const timer = setTimeout(refuse, 10_000);
    socket.on('data', listen).on('close', refuse);
  });
}

/** Connects and publishes `name`; resolves with the socket when the server takes media. */
export async function publish({ port, app, name }) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const c1 = Buffer.alloc(1536, 0x5a).fill(0, 0, 8);
  socket.write(Buffer.concat([Buffer.of(3), c1]));
  await answer(socket, 1 + 1536 + 1536);
  socket.write(c1);
  const tcUrl = `rtmp://127.0.0.1:${port}/${app}`;
  socket.write(setChunkSize());
  const options = object({ app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; bench)', tcUrl });
  socket.write(command(0, string('connect'), number(1), options));
  await answer(socket, '_result');
  socket.write(command(0, string('releaseStream'), number(2), NULL, string(name)));
  socket.write(command(0, string('FCPublish'), number(3), NULL, string(name)));
  socket.write(command(0, string('createStream'), number(4), NULL));
  await answer(socket, '_result');
  socket.write(command(1, string('publish'), number(5), NULL, string(name), string('live')));
  await answer(socket, 'NetStream.Publish.Start');
  return socket.resume();
}

/** Ends the publication as encoders do and closes. */
export function unpublish(socket, name) {
  const farewell = [
    command(0, string('FCUnpublish'), number(6), NULL, string(name)),
    command(0, string('deleteStream'), number(7), NULL, number(1)),
  ];
  socket.end(Buffer.concat(farewell));
}
