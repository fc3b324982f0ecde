import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { LineLog } from '../../../src/catalogue/lineLog.ts';
import { memoryLog } from '../../support/rtmpHarness.ts';
import { noSmallDisk, SmallDisk } from '../../support/smallDisk.ts';

const folder = mkdtempSync(join(tmpdir(), 'recorderd-lines-'));
let files = 0;
const newPath = (): string => join(folder, `${files++}.jsonl`);
afterAll(() => rmSync(folder, { recursive: true }));

async function opened(path: string, log = memoryLog()): Promise<{ lines: LineLog; read: unknown[] }> {
  const lines = new LineLog(path, log);
  const read: unknown[] = [];
  await lines.open((line) => read.push(line));
  return { lines, read };
}

test('what was written is read in order, also what came while a write was under way', async () => {
  const path = newPath();
  const { lines, read } = await opened(path);
  expect(read).toEqual([]);
  const written = [1, 2, 3].map((n) => lines.write({ n, text: 'a\nb\u2028\0é' }, n === 2));
  await Promise.all(written);
  await lines.write({ n: 4 }, true);
  await lines.close();
  const again = await opened(path);
  expect(again.read).toEqual([...[1, 2, 3].map((n) => ({ n, text: 'a\nb\u2028\0é' })), { n: 4 }]);
  expect(again.lines.lines).toBe(4);
  await again.lines.close();
});

test('torn at any byte: every whole line is read, and what is written then', async () => {
  const whole = newPath();
  const { lines } = await opened(whole);
  for (const n of [1, 2, 3]) await lines.write({ n, name: 'é' }, false);
  await lines.close();
  const bytes = readFileSync(whole);
  const path = newPath();
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    const torn = await opened(path);
    const count = torn.read.length;
    // A line counts from its last brace on; nothing of the next one is taken for one.
    expect(torn.read).toEqual([1, 2, 3].slice(0, count).map((n) => ({ n, name: 'é' })));
    expect(count).toBe(bytes.subarray(0, length).toString().split('}').length - 1);
    await torn.lines.write({ after: true }, true);
    await torn.lines.close();
    const next = await opened(path);
    expect(next.read.slice(count)).toEqual([{ after: true }]);
    await next.lines.close();
  }
});

test('a rewrite keeps the lines that come meanwhile, and what it leaves when it is cut short is not read', async () => {
  const path = newPath();
  const { lines } = await opened(path);
  for (let n = 0; n < 1000; n++) void lines.write({ old: n }, false);
  const rows = Array.from({ length: 1000 }, (_, n) => ({ row: n }));
  const rewriting = lines.rewrite(rows);
  const late = Array.from({ length: 50 }, (_, n) => lines.write({ late: n }, n % 10 === 0));
  await Promise.all([rewriting, ...late]);
  await lines.write({ last: true }, true);
  expect(lines.lines).toBe(1051);
  await lines.close();
  appendFileSync(`${path}.tmp`, '{"row":0}\n');
  const { lines: again, read } = await opened(path);
  expect(read).toEqual([...rows, ...Array.from({ length: 50 }, (_, n) => ({ late: n })), { last: true }]);
  expect(existsSync(`${path}.tmp`)).toBe(false);
  await again.close();
});

test.skipIf(noSmallDisk() !== undefined)(
  'a disk that is full is told of once, and gets with room what it lacks',
  async () => {
    const disk = await SmallDisk.mount('1m');
    try {
      const path = join(disk.path, 'files.jsonl');
      const log = memoryLog();
      const { lines } = await opened(path, log);
      await lines.write({ n: 1 }, true);
      const giveBack = disk.fill();
      const text = 'x'.repeat(8192);
      await lines.write({ n: 2, text }, true);
      await lines.write({ n: 3, text }, true);
      expect(log.lines.map(({ message }) => message)).toEqual(['catalogue cannot be written']);
      giveBack();
      await lines.write({ n: 4 }, true);
      await lines.close();
      const { lines: again, read } = await opened(path);
      // A line that was cut short by the full disk is there once more, whole.
      expect(read.filter((line) => line !== undefined)).toEqual([
        { n: 1 },
        { n: 2, text },
        { n: 3, text },
        { n: 4 },
      ]);
      await again.close();
    } finally {
      disk.unmount();
    }
  },
);
