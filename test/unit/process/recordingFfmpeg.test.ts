import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findFfmpeg, findRecordingFfmpeg } from '../../../src/process/ffmpeg.ts';

let vendorDir: string;

beforeEach(() => (vendorDir = mkdtempSync(join(tmpdir(), 'recorderd-vendor-'))));
afterEach(() => rmSync(vendorDir, { recursive: true }));

const unset = { recordPath: '', configuredPath: '' };

/** The machine's own FFmpeg, which the tests of recording use. */
const general = () => findFfmpeg({ configuredPath: '', searchPath: process.env['PATH']!, vendorDir: '' });

/** Puts something that can be run where the lean FFmpeg is looked for. */
function leanAt(make: (path: string) => void): string {
  mkdirSync(join(vendorDir, 'ffmpeg-lean'));
  const path = join(vendorDir, 'ffmpeg-lean', 'ffmpeg');
  make(path);
  return path;
}

test('without a lean one the FFmpeg of everything else records', async () => {
  const found = await general();
  expect(await findRecordingFfmpeg({ ...unset, vendorDir }, found)).toBe(found);
});

test('the lean one records when it is there', async () => {
  const found = await general();
  const lean = leanAt((path) => symlinkSync(found.path, path));
  expect(await findRecordingFfmpeg({ ...unset, vendorDir }, found)).toEqual({
    ...found,
    path: lean,
  });
});

test('a configured one comes before the lean one', async () => {
  const found = await general();
  leanAt((path) => symlinkSync('/bin/false', path));
  const chosen = await findRecordingFfmpeg({ ...unset, recordPath: found.path, vendorDir }, found);
  expect(chosen.path).toBe(found.path);
});

test('whoever names an FFmpeg for everything gets it for recording, too', async () => {
  const found = await general();
  leanAt((path) => symlinkSync(found.path, path));
  const search = { ...unset, configuredPath: found.path, vendorDir };
  expect(await findRecordingFfmpeg(search, found)).toBe(found);
});

test('one that cannot record stops the start and is named', async () => {
  const found = await general();
  const lean = leanAt((path) => {
    writeFileSync(path, `#!/bin/sh\necho "ffmpeg version 5.1"\n`);
    chmodSync(path, 0o755);
  });
  await expect(findRecordingFfmpeg({ ...unset, vendorDir }, found)).rejects.toThrow(
    `record_ffmpeg_path: ${lean}: lacks muxer mp4`,
  );
});
