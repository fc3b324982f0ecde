import { defineConfig } from 'vitest/config';

/** Media in real time in a browser, or over bad lines: such tests need the machine for themselves. */
const BROWSER = [
  'test/e2e/{websdk,whip,webrtc*}.test.ts',
  'test/unit/webrtc/{chromium,exit}.test.ts',
  'test/unit/signalling/browser.test.ts',
  'test/unit/http/demoPage.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: BROWSER,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: BROWSER,
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          include: BROWSER,
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
