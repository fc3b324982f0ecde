import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { shortReceiveBuffer } from '../../../src/ingest/webrtc/receiveBuffer.ts';

const folder = mkdtempSync(join(tmpdir(), 'receive-buffer-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["Debian's", '212992\n', { grantedBytes: 212_992, wantedBytes: 1_048_576 }],
  ['as much as is wanted', '1048576\n', undefined],
  ['nothing that is a number', 'much\n', undefined],
  ['no file', undefined, undefined],
])('%s', async (name, text, expected) => {
  const path = join(folder, name);
  if (text !== undefined) writeFileSync(path, text);
  expect(await shortReceiveBuffer(path)).toEqual(expected);
});
