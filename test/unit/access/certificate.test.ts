import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { Doors } from '../../../src/listening.ts';
import { MemoryLog, Rest } from '../http/support.ts';
import { TEST_TLS } from '../http/tls.fixture.ts';

const other = (name: string): Promise<string> =>
  readFile(new URL(`../rtmp/tls/test-${name}.pem`, import.meta.url), 'utf8');

let home: string;
let rest: Rest;
let log: MemoryLog;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'certificate-'));
  rest = await new Rest().start();
  log = new MemoryLog();
});
afterEach(async () => {
  await rest.close();
  await rm(home, { recursive: true });
});

async function write(cert: string, key: string): Promise<void> {
  await writeFile(join(home, 'cert.pem'), cert);
  await writeFile(join(home, 'key.pem'), key);
}

async function open(...set: readonly string[]): Promise<Doors> {
  const loaded = loadSettings({ env: {}, set: ['https.port=0', 'ip_local=127.0.0.1', ...set] });
  if (!loaded.ok) throw new Error(loaded.problems.join());
  const doors = new Doors(loaded.settings, home, log);
  await doors.readCertificate();
  doors.addCertificateUser(rest.server!);
  await doors.open('https', (port, host, tls) => rest.server!.listen(port, host, tls));
  return doors;
}

const WITH_TLS = ['tls_certificate=cert.pem', 'tls_key=key.pem'];

async function handshake(doors: Doors): Promise<TLSSocket> {
  const port = doors.ports.get('https') ?? 0;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}

async function fingerprint(doors: Doors): Promise<string | undefined> {
  const socket = await handshake(doors);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe('a certificate that is read again', () => {
  test('is shown to new clients, and those that are connected go on', async () => {
    await write(TEST_TLS.cert, TEST_TLS.key);
    const doors = await open(...WITH_TLS);
    const before = await fingerprint(doors);
    const connected = await handshake(doors);
    await write(await other('cert'), await other('key'));
    await doors.renewCertificate();
    expect(await fingerprint(doors)).not.toBe(before);
    connected.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(String(await once(connected, 'data'))).toMatch(/^HTTP\/1\.1 200 /);
    expect(log.lines.at(-1)).toMatchObject({
      level: 'info',
      message: 'certificate is read again',
      fields: { subject: 'CN=localhost', validTo: expect.stringContaining(' GMT') as string },
    });
  });

  test.each([
    ['is gone', () => rm(join(home, 'key.pem')), /^tls_key: key\.pem cannot be read/],
    ['has another key', async () => writeFile(join(home, 'key.pem'), await other('key')), /cannot be used/],
    ['is empty', () => writeFile(join(home, 'cert.pem'), ''), /cannot be used/],
    ['is garbage', () => writeFile(join(home, 'cert.pem'), 'garbage'), /cannot be used/],
  ])('and %s changes nothing, is reported, and can be mended', async (_, spoil, reason) => {
    await write(TEST_TLS.cert, TEST_TLS.key);
    const doors = await open(...WITH_TLS);
    const before = await fingerprint(doors);
    await spoil();
    await doors.renewCertificate();
    expect(await fingerprint(doors)).toBe(before);
    const { level, message, fields } = log.lines.at(-1)!;
    expect([level, message]).toEqual(['error', 'certificate cannot be read again, the old one stays']);
    expect((fields['err'] as Error).message).toMatch(reason);
    await write(await other('cert'), await other('key'));
    await doors.renewCertificate();
    expect(await fingerprint(doors)).not.toBe(before);
  });

  test('is none: nothing is said', async () => {
    const doors = await open();
    await doors.renewCertificate();
    expect(log.lines).toEqual([]);
  });
});
