import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PromptReads } from '../../../src/media/promptReads.ts';

const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7) & 0xff));
let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorderd-reads-'));
  path = join(folder, 'file');
  writeFileSync(path, bytes);
});

afterAll(() => rmSync(folder, { recursive: true }));

test('every read gives the bytes that stand there, fewer at the end of the file and none behind it', async () => {
  const handle = await open(path);
  try {
    const reads = new PromptReads(handle);
    for (const [position, length] of [
      [0, 16],
      [5000, 1000],
      [0, 10_000],
      [9990, 100],
      [10_000, 8],
      [12_000, 8],
    ] as const)
      expect(await reads.read(Buffer.alloc(length), position)).toEqual(
        bytes.subarray(position, position + length),
      );
  } finally {
    await handle.close();
  }
});

test('other work has its turns while many reads follow each other', async () => {
  const handle = await open(path);
  let turns = 0;
  const count = (): NodeJS.Immediate => setImmediate(() => (++turns, (next = count())));
  let next = count();
  try {
    const reads = new PromptReads(handle);
    const target = Buffer.alloc(16);
    await reads.read(target, 0);
    turns = 0;
    for (let i = 0; i < 50_000; i++) await reads.read(target, i % 9000);
    expect(turns).toBeGreaterThan(0);
  } finally {
    clearImmediate(next);
    await handle.close();
  }
});

test('an error of the system is thrown', async () => {
  const handle = await open(folder);
  try {
    await expect(new PromptReads(handle).read(Buffer.alloc(8), 0)).rejects.toThrow('EISDIR');
  } finally {
    await handle.close();
  }
});
