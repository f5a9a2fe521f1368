// Bundles the program inside HTML figures into src/figure/interactive/client.generated.ts.
//
//   node scripts/build-client.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'src/figure/interactive/client.generated.ts');

/** The module's text: the program as a string that may stand in a script element. */
export async function clientModule() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/figure/interactive/client.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
  });
  const program = outputFiles[0].text.trim().replaceAll('</script', '<\\/script');
  return `// Made by scripts/build-client.mjs from client.ts: do not edit.\nexport const client = ${JSON.stringify(program)};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await clientModule();
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (readFileSync(target, 'utf8') !== text) {
    console.error(`${target} is not what client.ts makes: run node scripts/build-client.mjs`);
    process.exitCode = 1;
  }
}
