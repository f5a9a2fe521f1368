// Keeps the byte code that V8 makes of the front of the command line while it does what it does most: a run in which
// nothing has changed.
//
//   node scripts/compile-front.mjs dist/cli/front-0123456789abcdef.cjs
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

const [given, workspace] = process.argv.slice(2);
const file = resolve(given);
if (workspace === undefined) prepare();
else keepByteCode();

/** A workspace in which there is nothing to do, for a process of its own: the front ends the one that it runs in. */
function prepare() {
  const workspace = mkdtempSync(join(tmpdir(), 'orograph-build-'));
  try {
    const pipeline = {
      pipeline: 'warm',
      stages: {
        first: { command: 'echo 1 > ${{ outputs.a }}', outputs: { a: 'a.txt' } },
        second: {
          command: 'cat ${{ inputs.a }} ${{ inputs.b }} > ${{ outputs.c }}',
          inputs: { a: 'first', b: { file: 'b.txt' } },
          outputs: { c: 'c.txt' },
        },
      },
    };
    writeFileSync(join(workspace, 'pipeline.yaml'), JSON.stringify(pipeline));
    writeFileSync(join(workspace, 'b.txt'), '2\n');
    const main = join(dirname(file), 'main.js');
    const options = { cwd: workspace, stdio: ['ignore', 'ignore', 'inherit'] };
    execFileSync(process.execPath, [main, 'run', 'pipeline.yaml'], options);
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), file, workspace], options);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

function keepByteCode() {
  const script = new Script(readFileSync(file, 'utf8'), { filename: file });
  const main = join(dirname(file), 'main.js');
  process.argv.splice(1, process.argv.length, main, 'run', 'pipeline.yaml');
  process.on('exit', () => {
    const kept = file.replace(/\.cjs$/, '.v8');
    const fresh = join(dirname(kept), `.${basename(kept)}.${process.pid}`);
    writeFileSync(fresh, script.createCachedData());
    renameSync(fresh, kept);
  });
  const url = pathToFileURL(main);
  script.runInThisContext()(createRequire(url), (specifier) => import(new URL(specifier, url)), url.href);
}
