import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, type TestContext } from 'vitest';
import { CliWorkspace, type Finished } from '../support/cli.ts';

const pipeline = `pipeline: demo
stages:
  words:
    command: "cp \${{ inputs.text }} \${{ outputs.x }}; echo said something"
    inputs: { text: { file: text.txt } }
    outputs: { x: x.txt }
  shout:
    uses: ./shout.ts
    inputs: { text: words }
`;
const kind = `import { readFileSync, writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';
export default defineStage({
  version: 1,
  summary: 'Shouts.',
  with: Type.Object({}),
  inputs: { text: { type: 'file', summary: 'what to shout' } },
  outputs: { loud: { type: 'file', extension: '.txt', summary: 'shouted' } },
  async run({ input, output }) {
    writeFileSync(output('loud'), readFileSync(input('text').path!, 'utf8').toUpperCase());
  },
});
`;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
});
function workspace(): CliWorkspace {
  const made = new CliWorkspace({
    'demo.yaml': pipeline,
    'text.txt': 'abc\n',
    'shout.ts': kind,
  });
  undo.push(() => made.remove());
  return made;
}

/** Not by permissions, which say nothing to root. */
function mountReadOnly(folder: string, context: TestContext): void {
  try {
    execFileSync('mount', ['--bind', folder, folder], { stdio: 'ignore' });
    undo.push(() => execFileSync('umount', ['-l', folder]));
    execFileSync('mount', ['-o', 'remount,bind,ro', folder], { stdio: 'ignore' });
  } catch {
    context.skip('mounting a folder read-only needs root');
  }
  expect(() => writeFileSync(`${folder}/probe`, '')).toThrow(/EROFS/);
}

const asking: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['plan', ['demo.yaml', '--all'], /2 cached/],
  ['why', ['demo.yaml', 'shout'], /cached/],
  ['status', [], /2 stages cached/],
  ['dag', ['demo.yaml'], /words/],
  ['show', ['demo.yaml', 'shout'], /ABC/],
  ['logs', ['demo.yaml', 'words'], /said something/],
  ['verify', [], /nothing wrong/],
];

function good(asked: Finished, says: RegExp): void {
  expect(asked.stderr).toBe('');
  expect(asked.stdout).toMatch(says);
  expect(asked.code).toBe(0);
}

describe('a cache that may only be read', () => {
  it('answers every question, and refuses a run in a sentence', async (context) => {
    const w = workspace();
    const ran = await w.run('run', 'demo.yaml');
    expect(ran.stderr).toBe('');
    mkdirSync(w.path('pipelines'));
    w.write({
      'pipelines/demo.yaml': w.read('demo.yaml').replaceAll('./', '../').replace('text.txt', '../text.txt'),
    });
    mountReadOnly(w.path('cache'), context);
    for (const [verb, words, says] of asking) good(await w.run(verb, ...words), says);
    const run = await w.run('run', 'demo.yaml', 'words');
    expect(run.stderr).toMatch(/cannot open the cache: the file system is read-only .*\n.*--cache/);
    expect(run.code).toBe(2);
    const repair = await w.run('verify', '--repair');
    expect(repair.stderr).toMatch(/the file system is read-only/);
    // A changed kind is compiled, where nothing is left behind.
    w.write({ 'shout.ts': kind.replace("'utf8')", "'utf8') + '!'") });
    mkdirSync(w.path('tmp'));
    const why = await w.start(['why', 'demo.yaml', 'shout'], { env: { TMPDIR: w.path('tmp') } }).finished;
    good(why, /code changed: shout\.ts/);
    expect(readdirSync(w.path('tmp'))).toEqual([]);
  });
});

describe('a cache that is not there', () => {
  it('is not made by a question, nor by a slip', async () => {
    const w = workspace();
    good(await w.run('plan', 'demo.yaml'), /1 to run, 1 undecided/);
    good(await w.run('why', 'demo.yaml', 'words'), /never finished/);
    good(await w.run('dag', 'demo.yaml'), /shout/);
    expect((await w.run('logs', 'demo.yaml', 'words')).stderr).toMatch(/there is no log of words/);
    expect((await w.run('show', 'demo.yaml', 'words')).stderr).toMatch(/has no result/);
    expect((await w.run('verify')).stderr).toMatch(/there is no cache cache/);
    expect((await w.run('run', 'dmo.yaml')).stderr).toMatch(
      /there is no file "dmo\.yaml".*\n.*did you mean "demo\.yaml"/,
    );
    w.write({ 'pipelines/own.yaml': 'pipeline: own\nstages: {}\n' });
    expect((await w.run('run', 'pipeline.yaml')).stderr).toMatch(
      /there is no file "pipeline\.yaml".*\n.*there is pipelines\/own\.yaml/,
    );
    expect(existsSync(w.path('cache'))).toBe(false);
  });

  it('is made by a run, but not the folders above it', async () => {
    const w = workspace();
    const slip = await w.run('run', 'demo.yaml', '--cache', 'no/such/cache');
    expect(slip.code).toBe(2);
    expect(slip.stderr).toMatch(/cannot make the cache .*: there is no folder .*no\/such .*\n.*mkdir -p/);
    expect(existsSync(w.path('no'))).toBe(false);
    good(await w.run('run', 'demo.yaml', 'words', '--cache', 'mine'), /1 executed/);
  });
});
