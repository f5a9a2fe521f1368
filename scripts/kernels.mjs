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
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd,threads'];
  const compiled = (name, ...more) => {
    const target = join(work, `${name}.wasm`);
    const all = ['kernels/index.ts', '-o', target, ...options, ...more];
    execFileSync('npx', ['--yes', '--package', compiler, 'asc', ...all], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return readFileSync(target);
  };
  const shared = compiled('shared', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536');
  const own = compiled('own');
  writeFileSync(
    join(root, 'src/kernels/bytes.ts'),
    [
      `// Written by scripts/kernels.mjs with ${compiler}. Do not edit.`,
      `/** sha256 over the names and texts of kernels/. */`,
      `export const source = '${hash.digest('hex')}';`,
      `/** The compiled module, base64: over a memory that threads share. */`,
      `export const shared =`,
      `  '${shared.toString('base64')}';`,
      `/** Over a memory of one thread. */`,
      `export const own =`,
      `  '${own.toString('base64')}';`,
      '',
    ].join('\n'),
  );
  console.log(`src/kernels/bytes.ts: ${shared.length} and ${own.length} bytes of WebAssembly`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
