import { defineConfig } from 'vitest/config';
import { tensorflowOnce } from './test/support/tensorflow-once.ts';

export default defineConfig({
  plugins: [tensorflowOnce()],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build-once.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
