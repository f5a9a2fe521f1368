import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/events/schema.ts';
import { CliWorkspace, commandLine } from '../support/cli.ts';

const pipeline = `pipeline: demo
stages:
  first:
    command: "echo 1 > \${{ outputs.x }}; echo said something; echo run >> $HOME/count"
    outputs: { x: x.txt }
  second:
    matrix: { n: [1, 2] }
    command: "cat \${{ inputs.x }} > \${{ outputs.y }}; echo \${{ matrix.n }} >> \${{ outputs.y }}"
    inputs: { x: first }
    outputs: { y: y.txt }
`;
const failing = `pipeline: failing
stages:
  bad:
    command: "echo about to fail; exit 3"
    outputs: { x: x.txt }
  after:
    command: "cp \${{ inputs.x }} \${{ outputs.y }}"
    inputs: { x: bad }
    outputs: { y: y.txt }
  good:
    command: "sleep 0.5; echo 1 > \${{ outputs.x }}"
    outputs: { x: x.txt }
`;
const slow = `pipeline: slow
stages:
  quick:
    command: "echo 1 > \${{ outputs.x }}"
    outputs: { x: x.txt }
  slow:
    command: "sleep 60; cp \${{ inputs.x }} \${{ outputs.y }}"
    inputs: { x: quick }
    outputs: { y: y.txt }
`;

const open: CliWorkspace[] = [];
function workspace(files: Record<string, string>): CliWorkspace {
  const made = new CliWorkspace(files);
  open.push(made);
  return made;
}
afterEach(() => {
  for (const made of open.splice(0)) made.remove();
});

describe('orograph run', () => {
  it('warns where another file of the folder has the same name', async () => {
    const w = workspace({
      'pipelines/demo.yaml': pipeline,
      'pipelines/other.yaml': pipeline.replace('demo', '"demo" # a copy'),
      'pipelines/demo-2.yaml': pipeline.replace('demo', 'demo-2'),
    });
    const told = await w.run('run', 'pipelines/other.yaml', 'first');
    expect(told.code).toBe(0);
    expect(told.stderr).toMatch(/^warning: demo\.yaml, in the same folder, is called "demo" too/);
    const json = await w.run('run', 'pipelines/demo.yaml', 'first', '--json');
    expect(json.events.flatMap((e) => (e.type === 'diagnostic' ? [e.diagnostic.code] : []))).toEqual([
      'same-pipeline-name',
    ]);
    expect((await w.run('run', 'pipelines/demo-2.yaml', 'first')).stderr).toBe('');
  });

  it('computes, then finds everything cached, and ends with the same words', async () => {
    const w = workspace({ 'pipelines/demo.yaml': pipeline });
    const cold = await w.run('run', 'pipelines/demo.yaml');
    expect(cold.stderr).toBe('');
    expect(cold.code).toBe(0);
    expect(cold.lastLine).toMatch(/^3 stages: 3 executed, 0 cached, 0 failed, 0 skipped in \d+\.\d s$/);
    expect(w.read('artifacts/demo/second/n=2/y.txt')).toBe('1\n2\n');
    const warm = await w.run('run', 'pipelines/demo.yaml', '--quiet');
    expect(warm.stdout).toMatch(/^3 stages: 0 executed, 3 cached, 0 failed, 0 skipped in \d+\.\d s\n$/);
    const forced = await w.run('run', 'pipelines/demo.yaml', '--force', 'first', '-q');
    expect(forced.lastLine).toContain('1 executed, 2 cached');
  });

  it('leaves nothing of its work behind', async () => {
    const w = workspace({ 'demo.yaml': pipeline });
    await w.run('run', 'demo.yaml');
    expect(readdirSync(w.path('cache', 'tmp'))).toEqual([]);
  });

  it('prints with --json events of the schema and nothing else, run-finished last', async () => {
    const w = workspace({ 'demo.yaml': pipeline });
    const { stdout, events, code } = await w.run('run', 'demo.yaml', '--json');
    expect(code).toBe(0);
    expect(events.length).toBe(stdout.trimEnd().split('\n').length);
    const validate = new Ajv2020().compile(eventSchema());
    for (const event of events) expect(validate(event), JSON.stringify([event, validate.errors])).toBe(true);
    expect(events[0]?.type).toBe('run-started');
    expect(events.at(-1)).toMatchObject({
      type: 'run-finished',
      executed: 3,
      cached: 0,
      failed: 0,
      skipped: 0,
    });
  });

  it('says what failed, what it printed and what was skipped, and exits with 1', async () => {
    const w = workspace({ 'failing.yaml': failing });
    const stopped = await w.run('run', 'failing.yaml', '--jobs', '1');
    expect(stopped.code).toBe(1);
    expect(stopped.stdout).toMatch(/bad failed after .*exit code 3/);
    expect(stopped.stdout).toContain('about to fail');
    expect(stopped.lastLine).toMatch(/0 executed, 0 cached, 1 failed, 2 skipped/);
    const why = await w.run('why', 'failing.yaml', 'bad');
    expect(why.stdout).toMatch(/^bad .* will run again: as it is now, it failed\n.*exit code 3/);
    expect(why.stdout).toContain(w.path('cache', 'logs'));
    const missing = await w.run('show', 'failing.yaml', 'after', '--cache', 'my cache');
    expect(missing.stderr).toContain("orograph run failing.yaml after --cache 'my cache' computes it");
    const gone = await w.run('run', 'failing.yaml', '--keep-going');
    expect(gone.code).toBe(1);
    expect(gone.lastLine).toMatch(/1 executed, 0 cached, 1 failed, 1 skipped/);
  });

  it('goes on with the next file only when told to keep going', async () => {
    const w = workspace({ 'all/a.yaml': failing, 'all/b.yaml': pipeline });
    const stopped = await w.run('run', 'all', '--json');
    expect(stopped.events.filter(({ type }) => type === 'run-finished')).toHaveLength(1);
    const gone = await w.run('run', 'all/', '--json', '-k');
    expect(gone.code).toBe(1);
    expect(gone.events.filter(({ type }) => type === 'run-finished')).toHaveLength(2);
    // Of several the worst ending counts: a file that is wrong, wherever it stands among the others.
    w.write({ 'all/aa.yaml': 'pipeline: aa\n' });
    expect((await w.run('run', 'all/', '-q', '-k')).code).toBe(2);
  });

  it('makes a missed expectation a failure only with --strict-expect', async () => {
    const kind = `import { writeFileSync } from 'node:fs';
export default {
  version: 1,
  summary: 'Writes.',
  with: { type: 'object', properties: {} },
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt' } },
  run: async (context) => writeFileSync(context.output('out'), 'x'),
};
export const facts = async () => ({ category: 'w-basin' });
`;
    const claim = 'pipeline: demo\nstages: { first: { uses: ./kind.ts, expect: { category: v-basin } } }\n';
    const w = workspace({ 'demo.yaml': claim, 'kind.ts': kind });
    const lenient = await w.run('run', 'demo.yaml');
    expect(lenient.code).toBe(0);
    expect(lenient.stdout).toMatch(/✗ {2}first {2}category {2}v-basin {2}missed/);
    expect((await w.run('run', 'demo.yaml', '--strict-expect')).code).toBe(3);
  });

  it('gives a program no name of an output that it would take for an option', async () => {
    const w = workspace({
      'p.yaml':
        'pipeline: p\nstages: { s: { command: "touch ${{ outputs.out }}", outputs: { out: --help } } }\n',
    });
    const { code, stdout } = await w.run('run', 'p.yaml');
    expect(code, stdout).toBe(0);
  });

  it('lets no locale and no time zone reach a stage but what it declares', async () => {
    const w = workspace({
      'p.yaml': `pipeline: p
stages:
  kind: { uses: ./kind.ts, env: [TZ] }
  other: { uses: ./kind.ts }
  program: { command: "echo $TZ $LC_ALL > \${{ outputs.out }}", outputs: { out: out.txt } }
`,
      'kind.ts': `import { writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';
export default defineStage({
  version: 1,
  summary: 'Says what it sees.',
  with: Type.Object({}),
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt' } },
  async run(context) {
    const seen = [(1234.5).toLocaleString(), new Date(0).getHours(), process.env.LC_ALL];
    writeFileSync(context.output('out'), seen.join(' '));
  },
});
`,
    });
    const env = { LC_ALL: 'de_DE.UTF-8', TZ: 'Asia/Tokyo' };
    // One worker: what the first stage declares is not for the second.
    const { code, stdout } = await w.start(['run', 'p.yaml', '--jobs', '1'], { env }).finished;
    expect(code, stdout).toBe(0);
    const seen = (stage: string) => readFileSync(w.path('artifacts/p', stage, 'out.txt'), 'utf8').trim();
    expect([seen('kind'), seen('other'), seen('program')]).toEqual(['1,234.5 9', '1,234.5 0', 'UTC']);
  });

  it('tells the facts of a known result anew where their code has changed, of the members that there are', async () => {
    const kind = (fact: string) => `import { writeFileSync } from 'node:fs';
export default {
  version: 1,
  summary: 'Writes.',
  with: { type: 'object', properties: {} },
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt', folder: true } },
  async run(context) {
    for (const name of ['b', '10', '2']) writeFileSync(context.output('out', name), name);
  },
};
export const facts = async ({ out }) => ({ ${fact}: out.members.map(({ name }) => name) });
`;
    const w = workspace({
      'p.yaml': 'pipeline: p\nstages: { s: { uses: ./kind.ts } }\n',
      'kind.ts': kind('old'),
    });
    const told = async () =>
      (await w.run('run', 'p.yaml', '--json')).events.flatMap((event) =>
        'facts' in event ? [[event.type, event.facts]] : [],
      );
    expect(await told()).toEqual([['stage-finished', { old: ['2', '10', 'b'] }]]);
    w.write({ 'kind.ts': kind('fresh') });
    expect(await told()).toEqual([['stage-facts', { fresh: ['2', '10', 'b'] }]]);
    expect(await told()).toEqual([['stage-cached', { fresh: ['2', '10', 'b'] }]]);
  });

  it('holds a kind to what it says of its facts', async () => {
    const kind = (types: string) => `import { writeFileSync } from 'node:fs';
export default {
  version: 1,
  summary: 'Writes.',
  with: { type: 'object', properties: {} },
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt' } },
  run: async (context) => writeFileSync(context.output('out'), 'x'),
};
export const factTypes = ${types};
export const facts = async () => ({ lengths: [1, 'two'] });
`;
    const demo = 'pipeline: demo\nstages: { first: { uses: ./kind.ts } }\n';
    const w = workspace({ 'demo.yaml': demo, 'kind.ts': kind("{ lengths: 'nubmer' }") });
    const refused = await w.run('run', 'demo.yaml');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('kind.ts does not say what its facts are');
    w.write({ 'kind.ts': kind("{ lengths: 'number' }") });
    const ran = await w.run('run', 'demo.yaml');
    expect(ran.code).toBe(1);
    expect(ran.stdout + ran.stderr).toContain('the fact "lengths" is "two"');
  });

  it('stops cleanly at the first Ctrl-C, keeps what is finished, and goes on next time', async () => {
    const w = workspace({ 'slow.yaml': slow });
    const run = w.start(['run', 'slow.yaml']);
    await run.printed('slow: started');
    run.child.kill('SIGINT');
    const ended = await run.finished;
    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain('Stopping: finished work is kept');
    expect(ended.lastLine).toMatch(/1 executed, 0 cached, 0 failed, 1 skipped/);
    const plan = await w.run('plan', 'slow.yaml', '--json');
    expect(JSON.parse(plan.stdout).stages.map((stage: { status: string }) => stage.status)).toEqual([
      'cached',
      'will-run',
    ]);
  });

  it('stops at once at the second signal', async () => {
    const w = workspace({ 'slow.yaml': slow });
    const run = w.start(['run', 'slow.yaml', '--json']);
    await run.printed('"stage":"slow"');
    // Of two kinds, for one signal that is sent twice may arrive once.
    run.child.kill('SIGTERM');
    run.child.kill('SIGINT');
    const ended = await run.finished;
    expect(ended.code).toBe(130);
    expect(ended.events.at(-1)?.type).not.toBe('run-finished');
  });

  it('ends quietly when nobody reads any more', async () => {
    const w = workspace({ 'slow.yaml': slow.replaceAll('sleep 60', 'sleep 1') });
    const run = w.start(['run', 'slow.yaml', '--json']);
    await run.printed('"stage":"slow"');
    run.child.stdout!.destroy();
    const ended = await run.finished;
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(130);
    expect((await w.run('verify')).code).toBe(0);
  });

  it('colours only where it is wanted', async () => {
    const w = workspace({ 'demo.yaml': pipeline });
    const coloured = async (env: Record<string, string>, ...words: string[]) =>
      (await w.start(['run', 'demo.yaml', ...words], { env }).finished).stdout.includes('\x1b[');
    expect(await coloured({})).toBe(false);
    expect(await coloured({ FORCE_COLOR: '1' })).toBe(true);
    expect(await coloured({ FORCE_COLOR: '1' }, '--no-color')).toBe(false);
  });
});

describe('mistakes', () => {
  it('in a pipeline file are shown with their line, all of them, and exit with 2', async () => {
    const w = workspace({
      'bad.yaml': 'pipeline: bad\nstages:\n  a: { uses: trian }\n  b: { comand: "x" }\n',
    });
    const { code, stderr, stdout } = await w.run('run', 'bad.yaml');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('bad.yaml:3:14: error');
    expect(stderr).toContain('did you mean "train"?');
    expect(stderr).toContain('did you mean "command"?');
    expect(stderr).toMatch(/\^{5}/);
    const { events } = await w.run('run', 'bad.yaml', '--json');
    expect(events.map(({ type }) => type)).toEqual(events.map(() => 'diagnostic'));
    expect(events.length).toBeGreaterThan(1);
  });

  it('on the command line exit with 2 and name what was probably meant', async () => {
    const w = workspace({ 'demo.yaml': pipeline });
    const expectations: [string[], string][] = [
      [['rnu', 'demo.yaml'], 'did you mean "orograph run"?'],
      [['demo.yaml'], 'orograph run demo.yaml'],
      [['run', 'demo.yaml', '--profil=x'], 'did you mean "--profile"?'],
      [['run', 'demo.yaml', '--jobs', 'many'], 'a whole number'],
      [['run', 'demo.yaml', 'frist'], 'did you mean "first"?'],
      [['run', 'dmeo.yaml'], 'did you mean "demo.yaml"?'],
      [['show', 'demo.yaml', 'first.z'], 'no output "z"'],
      [['gc', '--max-size', 'big'], 'a size such as'],
    ];
    for (const [words, hint] of expectations) {
      const { code, stderr } = await w.run(...words);
      expect([words, code]).toEqual([words, 2]);
      expect(stderr).toContain(hint);
    }
  });

  it('of our own are called bugs, with the details in a file and not on the screen', async () => {
    const w = workspace({
      'slow.yaml': slow,
      'bug.mjs': "setTimeout(() => { throw new Error('boom'); }, 1500);",
    });
    const env = { NODE_OPTIONS: `--import ${w.path('bug.mjs')}` };
    const { code, stderr } = await w.start(['run', 'slow.yaml'], { env }).finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: boom\nThis is a bug in orograph/);
    expect(stderr).not.toContain('    at ');
    const [file] = readdirSync(w.path('cache', 'bugs'));
    expect(w.read('cache', 'bugs', file!)).toContain('    at ');
  });
});

describe('looking at a pipeline', () => {
  it('never runs anything, and says what is and what would be', async () => {
    const w = workspace({ 'pipelines/demo.yaml': pipeline });
    const file = 'pipelines/demo.yaml';
    expect((await w.run('dag', file)).stdout).toMatch(/^first .*command\nsecond \(2\) .*<- first\n$/);
    expect(existsSync(w.path('cache'))).toBe(false);
    expect((await w.run('plan', file)).lastLine).toBe(
      '1 to run, 2 undecided until what feeds them is known, 0 cached',
    );
    expect((await w.run('run', file, '--dry-run')).lastLine).toContain('1 to run');
    expect((await w.run('show', file, 'first')).stderr).toContain(
      'orograph run pipelines/demo.yaml first computes it',
    );
    expect(existsSync(w.path('artifacts'))).toBe(false);

    await w.run('run', file);
    expect((await w.run('show', file, 'second[n=2]')).stdout).toBe('1\n2\n');
    expect((await w.run('logs', file, 'first')).stdout).toBe('said something\n');
    expect((await w.run('status')).stdout).toMatch(/✓ demo {2}3 stages cached {2}ran just now/);
    expect((await w.run('why', file, 'first')).stdout).toContain('first (command) is cached');
    w.write({ [file]: pipeline.replace('echo 1 >', 'echo 2 >') });
    expect((await w.run('why', file, 'first')).stdout).toMatch(
      /will run\n {2}with\.command .*echo 1 .* -> echo 2/,
    );
    const { stdout } = await w.run('verify', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ damage: 0, leftovers: 0 });
  });

  it('works from any folder below the workspace', async () => {
    const w = workspace({
      'orograph.config.yaml': 'cache: elsewhere\n',
      'pipelines/demo.yaml': pipeline,
      'deep/er/x': '',
    });
    const { code } = await w.start(['run', '../../pipelines/demo.yaml'], { cwd: 'deep/er' }).finished;
    expect(code).toBe(0);
    expect(existsSync(w.path('elsewhere', 'memo.sqlite'))).toBe(true);
    expect(existsSync(w.path('artifacts', 'demo', 'run.json'))).toBe(true);
  });

  it('runs a program again that sees the same content under another extension', async () => {
    const named = (extension: string) => `pipeline: named
stages:
  table: { command: "echo 1 > \${{ outputs.t }}", outputs: { t: t.${extension} } }
  made: { command: "echo \${{ inputs.t }} > \${{ outputs.n }}", inputs: { t: table }, outputs: { n: n.txt } }
  file: { command: "echo \${{ inputs.f }} > \${{ outputs.n }}", inputs: { f: { file: f.${extension} } }, outputs: { n: n.txt } }
`;
    const w = workspace({ 'n.yaml': named('csv'), 'f.csv': '1', 'f.tsv': '1' });
    await w.run('run', 'n.yaml');
    w.write({ 'n.yaml': named('tsv') });
    const { stdout, lastLine } = await w.run('run', 'n.yaml');
    expect(lastLine).toContain('3 executed');
    expect(stdout).toContain('input t table.t .csv -> .tsv');
    for (const stage of ['made', 'file'])
      expect(w.read('artifacts', 'named', stage, 'n.txt')).toMatch(/\.tsv\n$/);
  });

  it.skipIf(process.platform !== 'linux')('ends where no folder can ever be made', async () => {
    const w = workspace({ 'demo.yaml': pipeline });
    for (const option of ['--artifacts', '--cache']) {
      const { code, stderr } = await w.run('run', 'demo.yaml', option, '/proc/orograph/x');
      expect(code).toBe(2);
      expect(stderr).toContain('/proc/orograph');
    }
  });

  it.skipIf(process.platform === 'win32')('says that the folder one stands in is gone', () => {
    const w = workspace({ 'gone/x': '' });
    const inGone = `cd "${w.path('gone')}" && rm -r "${w.path('gone')}" && exec "$0" "$@"`;
    const words = ['-c', inGone, process.execPath, commandLine, 'plan', 'x.yaml'];
    const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    expect(stderr).toMatch(/^error: the folder you are in was removed/);
    expect(status).toBe(2);
  });

  it('says which line of the configuration it does not understand', async () => {
    const w = workspace({ 'orograph.config.yaml': '# mine\ncahce: elsewhere\n', 'demo.yaml': pipeline });
    const { code, stderr } = await w.run('run', 'demo.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('unknown setting "cahce"');
    expect(stderr).toContain('orograph.config.yaml:2:1');
  });

  it('keeps of the cache what every profile reaches, and drops the rest', async () => {
    const profiles = pipeline
      .replace('stages:', 'params: { word: a }\nprofiles: { other: { word: b } }\nstages:')
      .replace('echo 1 >', 'echo ${{ params.word }} >');
    const w = workspace({ 'pipelines/demo.yaml': profiles });
    const run = (...words: string[]) => w.run('run', 'pipelines/demo.yaml', '-q', ...words);
    for (const words of [['--profile', 'other'], ['--set', 'word=c'], []]) await run(...words);
    const { stdout } = await w.run('gc', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ stages: 3, dryRun: false });
    expect((await run()).lastLine).toContain('0 executed');
    expect((await run('--profile', 'other')).lastLine).toContain('0 executed');
    expect((await run('--set', 'word=c')).lastLine).toContain('3 executed');
    w.write({ 'pipelines/broken.yaml': 'pipeline: [' });
    expect((await w.run('gc')).code).toBe(2);
  });
});
