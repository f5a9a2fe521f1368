import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/**
 * The folder of orograph itself (its package.json), whether this code runs from `src/` or bundled from `dist/`.
 * Shipped data sets and the binaries of TensorFlow.js are found from here.
 */
export function packageRoot(): string {
  if (found !== undefined) return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
      if (manifest.name === 'orograph') return (found = folder);
    } catch {
      // No package.json here: look further up.
    }
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(`orograph's package.json lies in no folder above ${import.meta.url}`);
    folder = parent;
  }
}
