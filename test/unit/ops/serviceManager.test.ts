import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ServiceManager } from '../../../src/ops/serviceManager.ts';
import { canNotify, NotifySocket } from '../../support/notifySocket.ts';
import { recordingLog } from '../hooks/support.ts';
import type { LogLine } from '../hooks/support.ts';

const well = (): Promise<void> => Promise.resolve();

describe.skipIf(!canNotify)('systemd', () => {
  let socket: NotifySocket;
  let lines: LogLine[];
  const manager = (more: Record<string, string> = {}): ServiceManager =>
    new ServiceManager(
      { NOTIFY_SOCKET: socket.path, PATH: process.env['PATH'], ...more },
      recordingLog(lines),
    );
  beforeEach(async () => {
    socket = await new NotifySocket().open();
    lines = [];
  });
  afterEach(() => socket.close());

  test('is told of each step, in order', async () => {
    const service = manager();
    service.ready(well);
    service.reloading();
    service.reloaded();
    service.stopping(45_000);
    await service.close();
    await socket.told('STOPPING=1');
    expect(socket.messages).toEqual([
      'READY=1',
      'RELOADING=1',
      'READY=1',
      'STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000',
    ]);
    expect(lines).toEqual([]);
  });

  test('gets signs of life while the disk answers, whatever it answers, and none while it does not', async () => {
    const watched = { WATCHDOG_USEC: '300000', WATCHDOG_PID: String(process.pid) };
    let answer = (): Promise<unknown> => Promise.reject(new Error('EIO'));
    const service = manager(watched);
    service.ready(() => answer());
    await socket.told('WATCHDOG=1', 2);
    expect(lines).toEqual([]);
    answer = () => new Promise(() => undefined);
    // What was said before has been heard when the first complaint comes.
    while (lines.length === 0) await new Promise(setImmediate);
    expect(lines[0]).toMatchObject({
      level: 'error',
      message: 'the disk does not answer, systemd gets no sign of life',
    });
    await service.close();
    const silent = socket.messages.length;
    while (lines.length < 2) await new Promise(setImmediate);
    expect(socket.messages.length).toBe(silent);
  });

  test('that watches another process, or none, gets no signs of life', async () => {
    for (const more of [{}, { WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' }, { WATCHDOG_USEC: '0' }]) {
      const service = manager(more);
      service.ready(well);
      service.stopping(1000);
      await service.close();
    }
    await socket.told('STOPPING=1', 3);
    expect(socket.messages).not.toContain('WATCHDOG=1');
  });

  test('that cannot be told is one line of the log', async () => {
    const service = manager({ NOTIFY_SOCKET: '/nonexistent/socket' });
    service.ready(well);
    service.reloading();
    await service.close();
    expect(lines).toMatchObject([
      { level: 'error', message: 'systemd cannot be told', fields: { message: 'READY=1' } },
    ]);
  });
});

test('without systemd nothing is run', async () => {
  const lines: LogLine[] = [];
  const service = new ServiceManager({ PATH: '/nonexistent' }, recordingLog(lines));
  service.ready(well);
  service.stopping(1);
  await service.close();
  expect(lines).toEqual([]);
});
