import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'vitest/config';

const door = fileURLToPath(new URL('../../src/engine/tensorflow.ts', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/orograph', import.meta.url));

/**
 * TensorFlow.js is a thousand modules without file extensions: Vite would take seconds a test file to serve them.
 * esbuild makes one module of them, once a run, with the settings of scripts/build.mjs.
 */
export function tensorflowOnce(): Plugin {
  let built: Promise<string> | undefined;
  return {
    name: 'one module of TensorFlow.js',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (!source.endsWith('/tensorflow.ts')) return undefined;
      const target = await this.resolve(source, importer, { skipSelf: true });
      if (target?.id !== door) return undefined;
      return { id: await (built ??= bundled()), external: true };
    },
  };
}

/** @returns the module's path, named by its content: runs side by side share it. */
async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [door],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire as c } from 'node:module'; const require = c(import.meta.url), __dirname = import.meta.dirname;",
    },
  });
  const { text } = outputFiles[0]!;
  const path = join(cache, `tensorflow-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.mjs`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, text);
    renameSync(`${path}.${process.pid}`, path);
  }
  return path;
}
