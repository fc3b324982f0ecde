import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canNotify, NotifySocket } from '../support/notifySocket.ts';
import { TestServer } from '../support/server.ts';

const GIVEN = ['NOTIFY_SOCKET', 'WATCHDOG_USEC'] as const;

describe.skipIf(!canNotify)('a service of systemd', () => {
  let socket: NotifySocket;
  beforeEach(async () => {
    socket = await new NotifySocket().open();
    process.env['NOTIFY_SOCKET'] = socket.path;
    process.env['WATCHDOG_USEC'] = '600000';
  });
  afterEach(() => {
    for (const name of GIVEN) Reflect.deleteProperty(process.env, name);
    socket.close();
  });

  test('is ready when its ports are open, gives signs of life, and tells of reloads and of its end', async () => {
    const server = await TestServer.start({ shutdown_timeout: 20 });
    await socket.told('WATCHDOG=1', 3);
    expect(socket.messages[0]).toBe('READY=1');
    server.signal('SIGHUP');
    await socket.told('READY=1', 2);
    const told = socket.messages.filter((message) => message !== 'WATCHDOG=1');
    expect(told).toEqual(['READY=1', 'RELOADING=1', 'READY=1']);
    await server.close();
    await socket.told('STOPPING=1');
    expect(socket.messages.find((message) => message.startsWith('STOPPING'))).toBe(
      'STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000',
    );
    expect(server.allLogged('systemd cannot be told')).toEqual([]);
  });
});
