import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { holdPort } from '../../../src/ingest/webrtc/port.ts';
import { runProgram } from '../../../src/process/runProgram.ts';
import { eventually } from '../../support/eventually.ts';
import { Setup, captured } from './support.ts';

const ADDRESS = '127.0.0.1';

/** Starts a program that goes on until it is told to end. */
async function longProgram(): Promise<() => Promise<void>> {
  const end = new AbortController();
  let pid: number | undefined;
  const ended = runProgram({
    ...{ file: '/bin/sleep', args: ['60'], cwd: tmpdir(), env: {}, timeoutMs: 60_000, killGraceMs: 1000 },
    ...{ maxOutputBytes: 100, signal: end.signal, onStarted: (id) => (pid = id) },
  });
  await eventually(() => pid, 'the start of the program');
  return async () => {
    end.abort();
    expect((await ended).aborted).toBe(true);
  };
}

/** The port, when nobody holds it. */
async function free(port: number): Promise<true | undefined> {
  try {
    (await holdPort(port, ADDRESS)).release();
    return true;
  } catch {
    return undefined;
  }
}

test.each([
  ['shared port', {}],
  ['port of a range', { portRange: { from: 39_400, to: 39_400 } }],
])(
  'a program that goes on does not keep the %s of a stream that was there at its start',
  async (_, ports) => {
    const setup = await new Setup({ bindAddress: ADDRESS, ...ports }).start();
    await setup.publish(captured('chromium-av'));
    const endProgram = await longProgram();
    try {
      expect(await free(setup.port)).toBeUndefined();
      await setup.server.close();
      await eventually(() => free(setup.port), 'the port to be free');
    } finally {
      await endProgram();
    }
  },
);
