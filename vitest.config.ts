import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: { name: 'hub', include: ['test/**/*.test.ts'], exclude: ['test/bench/**', 'test/browser/**'] },
      },
      {
        extends: true,
        // A Chromium needs the machine: one at a time, and when the others are done.
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          fileParallelism: false,
          // A busy machine makes a browser several times as slow, and whoever waits has a deadline of its own.
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
