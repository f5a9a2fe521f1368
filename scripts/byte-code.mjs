// Keeps the byte code that V8 makes of the scripts of the command line (`dist/cli/*.cjs`) while they do what they do
// most: planning a pipeline, and a run in which next to nothing has changed.
//
//   node scripts/byte-code.mjs '{"./program.js":"program-0123…","../plan/plan-pipeline.js":"plan-pipeline-4567…"}'
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';

const [given, wanted, words] = process.argv.slice(2);
const scripts = JSON.parse(given);
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cli');
if (wanted === undefined) prepare();
else keepByteCode(wanted.split(','), JSON.parse(words));

/** Each in a process of its own, which the command line ends when it is done: planning anew, then a run without it. */
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
    writeFileSync(join(workspace, 'orograph.config.yaml'), '# cache, artifacts, jobs\njobs: 2\n');
    const options = { cwd: workspace, stdio: ['ignore', 'ignore', 'inherit'] };
    const tool = fileURLToPath(import.meta.url);
    const inProcess = (wanted, words) =>
      execFileSync(process.execPath, [tool, given, wanted, JSON.stringify(words)], options);
    inProcess('../plan/plan-pipeline.js', ['run', 'pipeline.yaml']);
    inProcess('./program.js,../run/config.js', ['run', 'pipeline.yaml', '--force', 'first']);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

/** Runs the command line with these words and keeps the byte code of the scripts that are wanted. */
function keepByteCode(wanted, words) {
  const main = join(folder, 'main.js');
  const url = pathToFileURL(main);
  process.argv.splice(1, process.argv.length, main, ...words);
  const load = async (specifier) => {
    const name = scripts[specifier];
    if (name === undefined) return import(new URL(specifier, url));
    const file = join(folder, `${name}.cjs`);
    const script = new Script(readFileSync(file, 'utf8'), { filename: file });
    if (wanted.includes(specifier)) process.on('exit', () => keep(script, file));
    const module = { exports: {} };
    script.runInThisContext()(createRequire(url), load, url.href, module);
    return module.exports;
  };
  void load('./program.js');
}

function keep(script, file) {
  const kept = file.replace(/\.cjs$/, '.v8');
  const fresh = join(dirname(kept), `.${basename(kept)}.${process.pid}`);
  writeFileSync(fresh, script.createCachedData());
  renameSync(fresh, kept);
}
