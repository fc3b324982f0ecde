import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CompiledOps } from './logChild.ts';
import { compileOps } from './logChild.ts';

let ops: CompiledOps;
beforeAll(() => {
  ops = compileOps();
});
afterAll(() => ops.remove());

function run(body: string): ChildProcessWithoutNullStreams {
  const url = pathToFileURL(join(ops.dir, 'log.js')).href;
  const script = `import { createLog } from ${JSON.stringify(url)};\n${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', script]);
}

const LINES = 20_000;
const WRITE = `
  const { log, close } = createLog({ level: 'info', format: 'json' });
  for (let i = 0; i < ${LINES}; i++) log.info('line', { i, padding: 'x'.repeat(100) });
  await close();`;

test.each([
  ['ends by itself', ''],
  ['calls process.exit after close', 'process.exit(0);'],
])('no line is lost through a pipe when the process %s', async (_, end) => {
  const child = run(WRITE + end);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  const lines = Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
  expect(code).toBe(0);
  expect(lines.map((line) => (JSON.parse(line) as { i: number }).i)).toEqual([...Array(LINES).keys()]);
});

test('a reader that goes away does not end the process', async () => {
  const child = run(`
    const { log, close } = createLog({ level: 'info', format: 'text' });
    log.info('first');
    process.stdin.once('data', async () => {
      for (let i = 0; i < 1000; i++) log.info('nobody reads this');
      await new Promise((resolve) => setImmediate(resolve));
      log.info('nor this');
      await close();
      process.stderr.write('still alive');
      process.exitCode = 7;
      process.stdin.destroy();
    });`);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.stdin.write('go');
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, stderr }).toEqual({ code: 7, stderr: 'still alive' });
});
