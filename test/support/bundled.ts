import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../../src/util/package-root.ts';

/**
 * A program of tests, `test/support/NAME-program.ts`, as one module for `node`. It lies inside the repository, so that
 * packages are found from there.
 */
export async function bundled(name: string): Promise<string> {
  const root = packageRoot();
  const file = join(root, 'node_modules', '.cache', 'orograph', `${name}-program.mjs`);
  const own = `${file}.${process.pid}`;
  await build({
    entryPoints: [join(root, 'test', 'support', `${name}-program.ts`)],
    outfile: own,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire as c } from 'node:module'; const require = c(import.meta.url), __dirname = import.meta.dirname;",
    },
  });
  renameSync(own, file);
  return file;
}
