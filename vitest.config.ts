import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// Media in real time, much of it made by a browser: such tests need the machine for themselves, one after another.
/** What every change is tried with. */
const BROWSER = [
  'test/e2e/{websdk,webrtcChanges,playback,operatorPage}.test.ts',
  'test/unit/webrtc/exit.test.ts',
  'test/unit/signalling/browser.test.ts',
  'test/unit/http/{demoPage,apiPage}.test.ts',
];
/** What takes minutes more: bad lines, attacks, other clients, bad disks. `make test-long` runs it. */
const LONG = [
  'test/e2e/{webrtcLoss,webrtcAttacks,webrtcSupport,whip,shortRecordings}.test.ts',
  'test/e2e/{attacks,rtspAttacks,slowDisk,powerCut,faststart}.test.ts',
  'test/unit/webrtc/chromium.test.ts',
];
/** What the lean FFmpeg has to do as well as Debian's. `make test-lean` runs it. */
const RECORDED =
  'test/e2e/{changes,codecs,fidelity,onDemand,recorderChild,recovery,rotation,rtc*,tracks}.test.ts';
const REAL_TIME = [...BROWSER, ...LONG];
const endToEnd = {
  globalSetup: ['test/support/globalSetup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: REAL_TIME,
          testTimeout: 30_000,
          // Left alone, two cores are given one.
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: REAL_TIME,
          maxWorkers: 2,
        },
      },
      { test: { ...endToEnd, name: 'browser', include: BROWSER, fileParallelism: false } },
      { test: { ...endToEnd, name: 'long', include: LONG, fileParallelism: false } },
      {
        test: {
          ...endToEnd,
          name: 'lean',
          include: [RECORDED],
          maxWorkers: 2,
          env: { RECORDERD_RECORD_FFMPEG_PATH: resolve('vendor/ffmpeg-lean/ffmpeg') },
        },
      },
      // Needs the npm registry: `make test-package`.
      {
        test: {
          ...endToEnd,
          name: 'package',
          include: ['test/package/*.test.ts'],
          fileParallelism: false,
        },
      },
      // Minutes to hours of wear, each by a target of its own in the Makefile.
      { test: { ...endToEnd, name: 'fuzz', include: ['test/fuzz/*.test.ts'], fileParallelism: false } },
      { test: { ...endToEnd, name: 'soak', include: ['test/soak/*.test.ts'] } },
    ],
  },
});
