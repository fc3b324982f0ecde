import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { publishFile } from '../support/publishers.ts';
import type { PublisherProcess } from '../support/publishers.ts';
import { pushFile } from '../support/rtspPublishers.ts';
import { Camera, livePicture } from '../support/rtsp/camera.ts';
import { TestServer } from '../support/server.ts';
import { TEST_TLS } from '../unit/http/tls.fixture.ts';

const { bframesFlv, hdFlv } = inject('media');
const FIND_ALL = '/rest-api/stream/find_all';
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

const GST = ['-c', 'import gi; gi.require_version("GstRtspServer", "1.0")'];
const hasCamera = spawnSync('/usr/bin/python3', GST, { stdio: 'ignore' }).status === 0;
if (!hasCamera && process.env.CI === 'true')
  throw new Error('CI must run every test: gst-rtsp-server is missing');

let server: TestServer;
const publishers: PublisherProcess[] = [];
afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.kill('SIGKILL');
  await server.close();
});

const url = (path: string, host = '127.0.0.1') => `http://${host}:${server.port('http')}${path}`;
const basic = (user: string) => ({ headers: { Authorization: `Basic ${btoa(user)}` } });

describe('REST', () => {
  test('asks everybody for credentials that are set, and tells nobody', async () => {
    server = await TestServer.start({ rest_users: 'ann:hush1,bob:hush2', rest_token: 'hush3' });
    const statusOf = async (init: RequestInit) => (await fetch(url(FIND_ALL), init)).status;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf(basic('ann:hush2'))).toBe(401);
    // Nothing to list.
    expect(await statusOf(basic('bob:hush2'))).toBe(404);
    expect(await statusOf({ headers: { Authorization: 'Bearer hush3' } })).toBe(404);
    expect((await fetch(url('/readyz'))).status).toBe(200);
    expect(JSON.stringify(server.logs)).not.toContain('hush');
  });

  test.skipIf(ownAddress === undefined)('answers allowed addresses only', async () => {
    server = await TestServer.start({ rest_allow: 'loopback' });
    expect((await fetch(url(FIND_ALL))).status).toBe(404);
    const refused = await fetch(url(FIND_ALL, ownAddress));
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: 'FORBIDDEN',
      reason: `rest_allow does not hold the address ${ownAddress}`,
    });
    expect((await fetch(url('/healthz', ownAddress))).status).toBe(200);
    expect(server.allLogged('http request refused')).toMatchObject([{ address: ownAddress, path: FIND_ALL }]);
  });
});

describe('publishing', () => {
  const SECRET = 'hush4';

  /** A server that records everything, and whose hook notes what it is given. */
  async function start(settings: Record<string, string | number>): Promise<string> {
    const home = mkdtempSync(join(tmpdir(), 'recorderd-access-'));
    const notes = join(home, 'notes');
    mkdirSync(join(home, 'scripts'));
    const hook = `#!/bin/bash\n{ echo "$@"; env; } >>'${notes}'\n`;
    writeFileSync(join(home, 'scripts/on_record_hook.sh'), hook, { mode: 0o755 });
    const record = { record_flash_published_streams: true, record_rtsp_streams: true };
    server = await TestServer.start({ ...record, stream_record_policy: 'streamName', ...settings }, home);
    return notes;
  }

  test('by RTMP and RTSP needs the secret of the name, which is nowhere to be seen', async () => {
    const notes = await start({ publish_secrets: `vip*=${SECRET}` });
    const first = publishFile(hdFlv, server.rtmpUrl(`vip1?key=${SECRET}&user=u`));
    const second = pushFile(hdFlv, server.rtspUrl(`vip2?token=${SECRET}&user=u`));
    publishers.push(first, second);
    const streams = await eventually(async () => {
      const { json } = await server.rest('/stream/find_all');
      return Array.isArray(json) && json.length === 2 ? (json as { custom: unknown }[]) : undefined;
    }, 'both are live');
    expect(streams.map(({ custom }) => custom)).toEqual([{ user: 'u' }, { user: 'u' }]);
    const connections = (await server.rest('/connection/find_all')).text;
    expect(await Promise.all([first.ended, second.ended])).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(await server.recordsFinished(2)).toEqual(['vip1.mp4', 'vip2.mp4']);
    const seen = await eventually(() => {
      const text = readFileSync(notes, { encoding: 'utf8', flag: 'a+' });
      return text.includes('/vip1.mp4') && text.includes('/vip2.mp4') ? text : undefined;
    }, 'both hooks have run');
    expect(JSON.stringify(streams) + connections + seen + JSON.stringify(server.logs)).not.toContain(SECRET);
  });

  test('without the secret each encoder is told, and nothing is recorded', async () => {
    await start({ publish_secrets: `vip*=${SECRET}` });
    const byRtmp = await publishFile(bframesFlv, server.rtmpUrl('vip1?key=hush5')).ended;
    expect(byRtmp.code).not.toBe(0);
    expect(byRtmp.stderr).toContain('Wrong token: vip1');
    const byRtsp = await pushFile(bframesFlv, server.rtspUrl('vip2?token=hush5')).ended;
    expect(byRtsp.code).not.toBe(0);
    expect(byRtsp.stderr).toContain('403');
    const reasons = (): unknown[] =>
      ['rtmp', 'rtsp']
        .flatMap((protocol) => server.allLogged(`${protocol} connection ended without a stream`))
        .map((line) => line['reason']);
    // The encoder may have ended before the server has logged that its connection did.
    await eventually(() => (reasons().length >= 2 ? true : undefined), 'both refusals');
    expect(reasons()).toEqual(['publish refused: Wrong token: vip1', 'publish refused: Wrong token: vip2']);
    expect(JSON.stringify(server.logs)).not.toContain('hush');
    expect(server.allLogged('recording started')).toEqual([]);
    // A name that no pattern fits is open.
    expect((await publishFile(hdFlv, server.rtmpUrl('open'), { fast: true }).ended).code).toBe(0);
    expect(await server.recordsFinished(1)).toEqual(['open.mp4']);
  });

  test('ends where the limits are: streams, and recordings by REST', async () => {
    await start({ max_streams: 2, max_recordings: 1, record_flash_published_streams: 'false' });
    publishers.push(...['a', 'b'].map((name) => publishFile(bframesFlv, server.rtmpUrl(name), { loop: 9 })));
    const ids = await eventually(async () => {
      const { json } = await server.rest('/stream/find_all');
      return Array.isArray(json) && json.length === 2
        ? (json as { mediaSessionId: string }[]).map(({ mediaSessionId }) => mediaSessionId)
        : undefined;
    }, 'both are live');
    const third = await publishFile(bframesFlv, server.rtmpUrl('c')).ended;
    expect(third.stderr).toContain('no more than 2 streams');
    const start1 = await server.rest('/recorder/startup', { mediaSessionId: ids[0] });
    expect(start1.status).toBe(200);
    const start2 = await server.rest('/recorder/startup', { mediaSessionId: ids[1] });
    expect(start2).toMatchObject({
      status: 503,
      json: { code: 'LIMIT_REACHED', message: 'no more than 1 recordings' },
    });
    expect((await server.rest('/recorder/terminate', { mediaSessionId: ids[0] })).status).toBe(200);
    expect((await server.rest('/recorder/startup', { mediaSessionId: ids[1] })).status).toBe(200);
  });
});

describe.skipIf(!hasCamera)('a camera', () => {
  test('that REST asks for needs no secret, a player does; it counts as a stream', async () => {
    const camera = await Camera.start({ mounts: { '/1': livePicture(), '/2': livePicture() }, shared: true });
    try {
      server = await TestServer.start({ publish_secrets: '*=hush6', max_streams: 1 });
      const statusOf = async (uri: string, wanted: string): Promise<unknown> =>
        eventually(async () => {
          const { json } = await server.rest('/rtsp/find', { uri });
          const [capture] = Array.isArray(json) ? (json as Record<string, unknown>[]) : [];
          return capture?.['status'] === wanted ? capture['info'] : undefined;
        }, `${uri} is ${wanted}`);
      const [first, second] = [camera.uri('/1'), camera.uri('/2')];
      expect(await playInfo(first)).toBe('Wrong token');
      expect((await server.rest('/rtsp/startup', { uri: first })).status).toBe(200);
      expect(await statusOf(first, 'PLAYING')).toBeNull();
      expect((await server.rest('/rtsp/startup', { uri: second })).status).toBe(200);
      expect(await statusOf(second, 'FAILED')).toBe('no more than 1 streams');
    } finally {
      await camera.kill();
    }
  });

  /** What a Web SDK client without a token is told of its play. */
  async function playInfo(name: string): Promise<unknown> {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port('ws')}`);
    const told = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (bytes: Buffer) => {
        const { message, data } = JSON.parse(bytes.toString()) as { message: string; data: unknown[] };
        if (message === 'notifyStreamStatusEvent') resolve((data[0] as { info: unknown }).info);
      });
    });
    await once(socket, 'open');
    const say = (message: string, body: object) => socket.send(JSON.stringify({ message, data: [body] }));
    say('connection', { appKey: 'defaultApp', mediaProviders: ['WebRTC'] });
    say('playStream', { mediaSessionId: 'p', name, published: false });
    const info = await told;
    socket.terminate();
    return info;
  }
});

describe('SIGHUP', () => {
  const DOORS = ['https', 'wss', 'rtmps', 'rtsps'] as const;
  const OTHER = new URL('../unit/rtmp/tls/', import.meta.url);

  async function handshake(door: string): Promise<TLSSocket> {
    const socket = connect({ port: server.port(door), host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Fingerprints of what the doors show to new clients. */
  async function certificates(): Promise<(string | undefined)[]> {
    return Promise.all(
      DOORS.map(async (door) => {
        const socket = await handshake(door);
        const { fingerprint256 } = socket.getPeerCertificate();
        socket.destroy();
        return fingerprint256;
      }),
    );
  }

  test('takes a renewed certificate for all doors; a broken one changes nothing; connections go on', async () => {
    const home = mkdtempSync(join(tmpdir(), 'recorderd-tls-'));
    const [cert, key] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    writeFileSync(cert, TEST_TLS.cert);
    writeFileSync(key, TEST_TLS.key);
    const ports = Object.fromEntries(DOORS.map((door) => [`${door}.port`, 0]));
    server = await TestServer.start({ ...ports, tls_certificate: 'cert.pem', tls_key: 'key.pem' }, home);
    const before = await certificates();
    expect(new Set(before).size).toBe(1);
    const open = await handshake('https');

    // The certificate has been written, its key not yet.
    copyFileSync(new URL('test-cert.pem', OTHER), cert);
    server.signal('SIGHUP');
    const complaint = await eventually(
      () => server.logged('certificate cannot be read again, the old one stays'),
      'a complaint',
    );
    expect(JSON.stringify(complaint)).toContain('tls_certificate and tls_key cannot be used');
    expect(await certificates()).toEqual(before);

    copyFileSync(new URL('test-key.pem', OTHER), key);
    server.signal('SIGHUP');
    const line = await eventually(() => server.logged('certificate is read again'), 'told');
    expect(line).toMatchObject({ level: 'info', subject: 'CN=localhost' });
    const after = await certificates();
    expect(new Set(after).size).toBe(1);
    expect(after[0]).not.toBe(before[0]);

    open.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    const [answer] = (await once(open, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
    open.destroy();
  });
});
