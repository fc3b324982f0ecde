import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { publishFile } from '../support/publishers.ts';
import { TestServer } from '../support/server.ts';

const { hdFlv } = inject('media');
const PAGE = readFileSync(resolve('docs/rest-cookbook.md'), 'utf8');
const hasTools = ['curl', 'jq'].every((program) => spawnSync('which', [program]).status === 0);
let server: TestServer;
afterEach(async () => server.close());

/** The page as one script: what each block prints comes behind a line with its number. */
function script(port: number): string {
  const blocks = [...PAGE.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1] ?? '');
  const numbered = blocks.map((block, n) => `echo "== ${n}"\n${block}`);
  return ['set -euo pipefail', ...numbered].join('\n').replaceAll('localhost:8081', `127.0.0.1:${port}`);
}

test.skipIf(!hasTools)('every line of the REST cookbook does what the page says', async () => {
  server = await TestServer.start({ stream_record_policy: 'streamName' });
  const publisher = publishFile(hdFlv, server.rtmpUrl('cam1'), { loop: 20 });
  await eventually(() => server.logged('rtmp stream published'), 'the stream');
  await eventually(
    async () =>
      (await server.rest('/stream/find', { status: 'PUBLISHING' })).status === 200 ? true : undefined,
    'the stream is live',
  );
  const folder = mkdtempSync(join(tmpdir(), 'cookbook-'));
  // In a process of its own beside this one, which must not wait for it.
  const { runProgram } = await import('../../src/process/runProgram.ts');
  const { exitCode, output } = await runProgram({
    file: '/bin/bash',
    args: ['-c', script(server.port('http'))],
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    timeoutMs: 60_000,
    killGraceMs: 1000,
    maxOutputBytes: 65_536,
  });
  expect(exitCode, output).toBe(0);
  const printed = output.split(/^== \d+\n/m).slice(1);
  expect(printed[1]).toMatch(/^cam1\t[0-9a-f-]{36}\tPUBLISHING\n$/);
  expect(printed[2]).toBe('live\n');
  expect(printed[3]).toMatch(/cam1\.mp4/);
  const report = JSON.parse(printed[6] ?? '') as { fileName: string; stopReason: string; bytes: number };
  expect(report.stopReason).toBe('rest-stop');
  expect(statSync(join(folder, 'record.mp4')).size).toBe(report.bytes);
  expect(statSync(join(folder, 'head.bin')).size).toBe(1024);
  expect(readFileSync(join(folder, 'cam1.png')).subarray(1, 4).toString()).toBe('PNG');
  expect((await publisher.ended).code).not.toBe(0);
  rmSync(folder, { recursive: true });
});
