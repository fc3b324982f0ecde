import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RtspError } from '../../../src/ingest/rtsp/message.ts';
import { RequestReader } from '../../../src/ingest/rtsp/requestReader.ts';
import { frame } from '../../support/rtspHarness.ts';

const LIMITS = { maxHeaderBytes: 1000, maxBodyBytes: 500 };
/** Frames of this channel are not taken. */
const IGNORED = 9;

/** A reader and what it handed on, as text. */
function setUp() {
  const seen: string[] = [];
  const views: Buffer[] = [];
  const reader = new RequestReader(LIMITS, {
    onRequest: ({ method, uri, headers, body }) =>
      void seen.push(`${method} ${uri} ${JSON.stringify([...headers])} ${body.toString('hex')}`),
    onFrame: (channel, data) => {
      seen.push(`${channel}:${data.toString('hex')}`);
      views.push(data);
    },
    takesFrames: (channel) => channel !== IGNORED,
  });
  return { seen, views, reader };
}

function read(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const { seen, reader } = setUp();
  const edges = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const edge of [...edges, bytes.length]) {
    // A copy: a piece that was read must not be needed afterwards, except where it was handed on.
    if (edge > from) reader.push(Buffer.from(bytes.subarray(from, edge)));
    from = edge;
  }
  expect(reader.isIdle).toBe(true);
  return seen;
}

const token = fc.string({ unit: fc.constantFrom(...Array.from('abcDEF-_19')), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(...Array.from('ab:;="/ ,é')), maxLength: 20 });
const request = fc
  .record({
    method: fc.constantFrom('OPTIONS', 'ANNOUNCE', 'GET_PARAMETER'),
    uri: fc.constantFrom('*', 'rtsp://h:1/live/ä?x=1', 'rtsp://h/a/streamid=0'),
    fields: fc.array(fc.tuple(token, value), { maxLength: 5 }),
    body: fc.uint8Array({ maxLength: 60 }),
    end: fc.constantFrom('\r\n', '\n'),
  })
  .map(({ method, uri, fields, body, end }) => {
    const lines = [`${method} ${uri} RTSP/1.0`, ...fields.map(([name, text]) => `x${name}: ${text}`)];
    const head = [...lines, `Content-Length: ${body.length}`, '', ''].join(end);
    return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
  });
const interleaved = fc
  .tuple(fc.constantFrom(0, 1, 255, IGNORED), fc.uint8Array({ maxLength: 80 }))
  .map(([channel, data]) => frame(channel, Buffer.from(data)));
const response = fc.constant(Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc'));
const blank = fc.constantFrom(Buffer.from('\r\n'), Buffer.from('\n'));
const message = fc.oneof(
  { weight: 3, arbitrary: request },
  { weight: 6, arbitrary: interleaved },
  response,
  blank,
);

describe('request reader', () => {
  test('any split of the bytes gives the same messages', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 12 }),
        fc.array(fc.nat(100_000), { maxLength: 40 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages);
          const whole = read(bytes);
          expect(read(bytes, cuts)).toEqual(whole);
          expect(read(bytes, [...bytes.keys()])).toEqual(whole);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('the messages are those that were sent', () => {
    const bytes = Buffer.concat([
      Buffer.from('\r\nSETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport: a;\r\n b\r\nX: 1\r\nx: 2\r\n\r\n'),
      frame(2, Buffer.of(1, 2)),
      frame(IGNORED, Buffer.of(5)),
      frame(3, Buffer.alloc(0)),
      Buffer.from('SET_PARAMETER * RTSP/1.0\ncontent-length:2\n\n$$'),
    ]);
    expect(read(bytes)).toEqual([
      'SETUP rtsp://h/a [["cseq","3"],["transport","a; b"],["x","1, 2"]] ',
      '2:0102',
      'SET_PARAMETER * [["content-length","2"]] 2424',
    ]);
  });

  test('a frame that lies in one read is not copied', () => {
    const { views, reader } = setUp();
    const chunk = Buffer.concat([frame(0, Buffer.alloc(20, 1)), frame(1, Buffer.alloc(30, 2))]);
    reader.push(chunk);
    expect(views.map(({ buffer, byteOffset }) => [buffer, byteOffset - chunk.byteOffset])).toEqual([
      [chunk.buffer, 4],
      [chunk.buffer, 28],
    ]);
  });

  test.each([
    ['no request line', 'hello\r\n\r\n', 400],
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['another version', 'OPTIONS * RTSP/2.0\r\n\r\n', 505],
    ['a field without a colon', 'OPTIONS * RTSP/1.0\r\nCSeq\r\n\r\n', 400],
    ['a field that begins with a blank', 'OPTIONS * RTSP/1.0\r\n CSeq: 1\r\n\r\n', 400],
    ['control characters', 'OPTIONS * RTSP/1.0\r\nCSeq: 1\u0000\r\n\r\n', 400],
    ['a carriage return inside a line', 'OPTIONS * RTSP/1.0\r\nCSeq: 1\rX: 2\r\n\r\n', 400],
    ['a length that is none', 'OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n', 400],
    ['two lengths', 'OPTIONS * RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a body beyond the bound', 'OPTIONS * RTSP/1.0\r\nContent-Length: 501\r\n\r\n', 413],
    ['too many fields', `OPTIONS * RTSP/1.0\r\n${'a:\r\n'.repeat(65)}\r\n`, 431],
    ['a head beyond the bound', `OPTIONS * RTSP/1.0\r\nX: ${'x'.repeat(1000)}\r\n\r\n`, 431],
    ['a head without an end', 'x'.repeat(1001), 431],
  ])('%s closes the connection', (_, text, status) => {
    for (const size of [1, text.length]) {
      const { reader, seen } = setUp();
      let found: unknown;
      try {
        for (let at = 0; at < text.length; at += size) reader.push(Buffer.from(text.slice(at, at + size)));
      } catch (error) {
        found = error;
      }
      expect(found).toBeInstanceOf(RtspError);
      expect(found).toMatchObject({ status, closes: true });
      expect(seen).toEqual([]);
    }
  });

  test('a head and a body of the largest size are taken', () => {
    const start = 'OPTIONS * RTSP/1.0\r\nContent-Length: 500\r\nX: ';
    const head = `${start}${'x'.repeat(1000 - start.length - 4)}\r\n\r\n`;
    expect(read(Buffer.concat([Buffer.from(head), Buffer.alloc(500)]))).toHaveLength(1);
  });
});
