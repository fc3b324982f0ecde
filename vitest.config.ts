import { defineConfig } from 'vitest/config';

/** Media in real time in a browser: such tests need the machine for themselves. */
const BROWSER = [
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
          include: ['test/e2e/**/*.test.ts', ...BROWSER],
          globalSetup: ['test/support/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
