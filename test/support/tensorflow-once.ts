import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'vitest/config';

const door = fileURLToPath(new URL('../../src/engine/tensorflow.ts', import.meta.url));
const bundle = fileURLToPath(
  new URL(`../../node_modules/.cache/orograph/tensorflow-${process.pid}.mjs`, import.meta.url),
);

/**
 * TensorFlow.js is a thousand modules without file extensions: Vite would take seconds a test file to serve them.
 * esbuild makes one module of them, once a run, with the settings of scripts/build.mjs.
 */
export function tensorflowOnce(): Plugin {
  let built: Promise<unknown> | undefined;
  return {
    name: 'one module of TensorFlow.js',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (!source.endsWith('/tensorflow.ts')) return undefined;
      const target = await this.resolve(source, importer, { skipSelf: true });
      if (target?.id !== door) return undefined;
      await (built ??= build({
        entryPoints: [door],
        outfile: bundle,
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        mainFields: ['module', 'main'],
        banner: {
          js: "import { createRequire as c } from 'node:module'; const require = c(import.meta.url), __dirname = import.meta.dirname;",
        },
      }));
      return { id: bundle, external: true };
    },
  };
}
