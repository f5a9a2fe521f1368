// Compiles kernels/ (AssemblyScript) to WebAssembly and writes it as text to src/kernels/bytes.ts, so that neither a
// build nor an installation needs the compiler. Run it after each change of kernels/ (a test notices where it was
// forgotten); it gets the compiler from the npm registry.
//
//   npm run kernels
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const compiler = 'assemblyscript@0.28.20';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'kernels');

const hash = createHash('sha256');
for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));

const work = mkdtempSync(join(tmpdir(), 'orograph-kernels-'));
try {
  const target = join(work, 'kernels.wasm');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'threads'];
  options.push('--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536');
  execFileSync('npx', ['--yes', '--package', compiler, 'asc', 'kernels/index.ts', '-o', target, ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const bytes = readFileSync(target);
  writeFileSync(
    join(root, 'src/kernels/bytes.ts'),
    [
      `// Written by scripts/kernels.mjs with ${compiler}. Do not edit.`,
      `/** sha256 over the names and texts of kernels/. */`,
      `export const source = '${hash.digest('hex')}';`,
      `/** The compiled module, base64. */`,
      `export const wasm =`,
      `  '${bytes.toString('base64')}';`,
      '',
    ].join('\n'),
  );
  console.log(`src/kernels/bytes.ts: ${bytes.length} bytes of WebAssembly`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
