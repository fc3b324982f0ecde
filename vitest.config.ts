import { defineConfig } from 'vitest/config';

/** Media in real time over bad lines, which also take long: they need the machine for themselves. */
const LINES = ['test/e2e/webrtcLoss.test.ts', 'test/unit/webrtc/chromium.test.ts'];
/** Media in real time in a browser. */
const BROWSER = [
  'test/e2e/{websdk,whip,webrtcAttacks,webrtcChanges,webrtcSupport}.test.ts',
  'test/unit/webrtc/exit.test.ts',
  'test/unit/signalling/browser.test.ts',
  'test/unit/http/demoPage.test.ts',
];
const REAL_TIME = [...LINES, ...BROWSER];
const endToEnd = {
  globalSetup: ['test/support/globalSetup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: REAL_TIME, testTimeout: 30_000 },
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
      { test: { ...endToEnd, name: 'lines', include: LINES, fileParallelism: false } },
    ],
  },
});
