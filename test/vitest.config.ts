import { defineConfig } from 'vitest/config';
import { patient } from './lab/clock.js';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**'],
    environment: 'node',
    // Colour and zone decide golden output; both are fixed here so that every machine prints the same.
    env: { NO_COLOR: '1', TZ: 'UTC', COLUMNS: '80' },
    testTimeout: patient(30_000),
    hookTimeout: patient(60_000),
    maxWorkers: 2,
    // A report that broke off holds no more of a failure than its line.
    chaiConfig: { truncateThreshold: 2000 },
  },
});
