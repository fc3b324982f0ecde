import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { expectSamePackets } from '../support/compare.ts';
import { decodeErrors, probe } from '../support/packets.ts';
import { publishFile, startPublisher } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { gstLaunch } = inject('peers');
const { bframesFlv } = inject('media');
const RECORD_ALL = { record_flash_published_streams: true, stream_record_policy: 'streamName' };
let server: TestServer;

afterEach(async () => server.close());

test.skipIf(gstLaunch === null)(
  'GStreamer publishes with rtmp2sink: the record equals what it muxed',
  async () => {
    server = await TestServer.start(RECORD_ALL);
    const copy = join(mkdtempSync(join(tmpdir(), 'recorderd-gst-')), 'sent.flv');
    const pipeline = [
      ...[
        'videotestsrc',
        'num-buffers=150',
        'is-live=true',
        '!',
        'video/x-raw,width=320,height=240,framerate=25/1',
        '!',
      ],
      ...['x264enc', 'key-int-max=50', 'bframes=2', 'speed-preset=veryfast', '!', 'h264parse', '!', 'mux.'],
      ...[
        'audiotestsrc',
        'num-buffers=258',
        'is-live=true',
        '!',
        'audio/x-raw,rate=44100,channels=2',
        '!',
        'voaacenc',
        '!',
      ],
      ...['aacparse', '!', 'mux.', 'flvmux', 'name=mux', 'streamable=true', '!', 'tee', 'name=t'],
      ...['t.', '!', 'queue', '!', 'rtmp2sink', `location=${server.rtmpUrl('gst')}`],
      ...['t.', '!', 'queue', '!', 'filesink', `location=${copy}`],
    ];
    expect((await startPublisher(gstLaunch!, ['-q', ...pipeline]).ended).code).toBe(0);
    expect(await server.recordsFinished(1)).toEqual(['gst.mp4']);
    const file = join(server.recordsDir, 'gst.mp4');
    expect(await decodeErrors(file)).toBe('');
    await expectSamePackets(copy, [file], 'v');
    await expectSamePackets(copy, [file], 'a');
  },
);

test('ffmpeg publishes by RTMPS with the configured certificate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorderd-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  );
  server = await TestServer.start({
    ...RECORD_ALL,
    tls_certificate: cert,
    tls_key: key,
    'rtmps.port': 0,
    'https.port': 0,
  });
  const url = `rtmps://127.0.0.1:${server.port('rtmps')}/live/secure`;
  expect(await publishFile(bframesFlv, url, { fast: true }).ended).toEqual({ code: 0, stderr: '' });
  expect(await server.recordsFinished(1)).toEqual(['secure.mp4']);
  await expectSamePackets(bframesFlv, [join(server.recordsDir, 'secure.mp4')], 'v');
  expect((await probe(join(server.recordsDir, 'secure.mp4'))).streams.length).toBe(2);
});
