import { rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { CliWorkspace } from '../support/cli.ts';

/** One program of which each `word` is a result of its own, and with the profile `paper` a data set that is not there. */
const pipeline = (name: string, profiles: string, rest = '') => `pipeline: ${name}
params: { word: a, set: cifar10-mini }
profiles: ${profiles}
stages:
  said:
    command: "echo ${name} \${{ params.word }} > \${{ outputs.o }}"
    outputs: { o: o.txt }
${rest}`;
const training = `  model:
    uses: train
    with: { network: mlp, dataset: "\${{ params.set }}", epochs: 1, keep: [1], seed: 1 }
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

describe('orograph gc', () => {
  it('skips profiles whose data set is not there, by name, and spares what the newest run reached', async () => {
    const w = workspace({
      'pipelines/demo.yaml': pipeline('demo', '{ paper: { set: not-here } }', training),
    });
    const run = (...words: string[]) => w.run('run', 'pipelines/demo.yaml', 'said', '-q', ...words);
    await run();
    await run('--set', 'word=old');
    await run('--set', 'word=new');
    const { code, stdout, stderr } = await w.run('gc', '--json');
    expect(stderr).toContain('unknown-reach');
    expect(stderr).toContain('pipelines/demo.yaml (paper): there is no data set "not-here"');
    expect(code).toBe(0);
    // `a` is reached by the default, `new` was the newest run, `old` is neither.
    expect(JSON.parse(stdout)).toMatchObject({
      stages: 1,
      unknown: [{ file: expect.stringContaining('demo.yaml'), profile: 'paper' }],
    });
    expect((await run()).lastLine).toContain('0 executed');
    expect((await run('--set', 'word=new')).lastLine).toContain('0 executed');
    expect((await run('--set', 'word=old')).lastLine).toContain('1 executed');
  });

  it('refuses where the profile was asked for, or something else is wrong with it', async () => {
    const w = workspace({
      'pipelines/demo.yaml': pipeline('demo', '{ paper: { set: not-here } }', training),
    });
    expect((await w.run('gc', '--profile', 'paper')).code).toBe(2);
    expect((await w.run('gc', 'pipelines/demo.yaml')).code).toBe(0);
    w.write({ 'pipelines/demo.yaml': pipeline('demo', '{ paper: { set: 3 } }', training) });
    const wrong = await w.run('gc');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('in the profile "paper": ');
  });

  it('keeps what pipelines in subfolders reach, also of one whose files are not there', async () => {
    const w = workspace({
      'pipelines/top.yaml':
        'pipeline: top\ninclude: [{ file: ./shared/part.yaml, prefix: part, params: { word: b } }]\nstages:\n  own: { command: "cp ${{ inputs.i }} ${{ outputs.o }}", inputs: { i: part.said }, outputs: { o: o.txt } }\n',
      // On its own it lacks the word.
      'pipelines/shared/part.yaml':
        'pipeline: part\nparams: { word: null }\nstages:\n  said: { command: "echo ${{ params.word }} > ${{ outputs.o }}", outputs: { o: o.txt } }\n',
      'pipelines/deep/er/other.yaml': pipeline('other', '{}'),
      'pipelines/fetched/f.yaml':
        'pipeline: fetched\nstages:\n  copy: { command: "cp ${{ inputs.i }} ${{ outputs.o }}", inputs: { i: { file: in.txt } }, outputs: { o: o.txt } }\n',
      'in.txt': 'fetched\n',
    });
    const files = ['top.yaml', 'deep/er/other.yaml', 'fetched/f.yaml'].map((f) => `pipelines/${f}`);
    for (const file of files) expect((await w.run('run', file)).lastLine).toContain(' 0 failed');
    const before = await w.run('gc', '--json');
    expect(JSON.parse(before.stdout)).toMatchObject({ stages: 0, items: 0, blobs: 0 });
    rmSync(w.path('in.txt'));
    const { code, stdout, stderr } = await w.run('gc', '--json');
    expect(code).toBe(0);
    expect(stderr).toMatch(/pipelines\/fetched\/f\.yaml: .*in\.txt/);
    expect(JSON.parse(stdout)).toMatchObject({ stages: 0, blobs: 0 });
    w.write({ 'in.txt': 'fetched\n' });
    for (const file of files) expect((await w.run('run', file)).lastLine).toContain('0 executed');
  });
});
