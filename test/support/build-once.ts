import { spawnSync } from 'node:child_process';

/**
 * Tests that start the command line use dist/, so it must be that of the sources. `npm test` has built it before and
 * ends where it cannot; vitest by itself goes on, for the many tests that need only sources.
 */
export function setup(): void {
  const build = spawnSync(process.execPath, ['scripts/build.mjs', '--if-changed'], { encoding: 'utf8' });
  if (build.status !== 0)
    console.error(`dist/ is OLD, the build failed:\n${build.stderr.split('\n').slice(0, 8).join('\n')}`);
}
