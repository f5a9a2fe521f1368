import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliWorkspace, repository } from '../support/cli.ts';

describe('a folder of the user’s own', () => {
  let w: CliWorkspace;
  beforeAll(async () => {
    w = new CliWorkspace();
    const made = await w.run('init', 'My Project');
    expect(made.stdout).toContain("cd 'My Project'");
    // What npm install makes of the dependency on this very copy.
    mkdirSync(w.path('My Project', 'node_modules'));
    symlinkSync(repository, w.path('My Project', 'node_modules', 'orograph'));
  });
  afterAll(() => w.remove());
  const inside = (...words: string[]) => w.start(words, { cwd: 'My Project', timeout: 110_000 }).finished;

  it('holds what it says, with its names filled in', async () => {
    const manifest = JSON.parse(w.read('My Project', 'package.json'));
    expect(manifest).toMatchObject({ name: 'my-project', dependencies: { orograph: `file:${repository}` } });
    expect(w.read('My Project', '.gitignore')).toContain('cache/');
    expect(w.read('My Project', 'README.md')).not.toContain('{{');
    mkdirSync(w.path('here'));
    const here = await w.start(['init', '.'], { cwd: 'here' }).finished;
    expect(here.stdout).toContain('The project is made');
    expect(here.stdout).not.toMatch(/^ *cd/m);
    expect(existsSync(w.path('here', 'pipelines', 'my-figure.yaml'))).toBe(true);
    w.write({ 'a-file': '' });
    const onFile = await w.run('init', 'a-file');
    expect(onFile.code).toBe(2);
    expect(onFile.stderr).toContain('a-file is there already, and no folder [not-a-folder]');
    const again = await w.run('init', 'My Project');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('not empty');
  });

  it('runs: its own stage, its figure, and a second time from the cache', async () => {
    const cold = await inside('run', 'pipelines/my-figure.yaml', '--profile', 'smoke');
    expect(cold.stderr).toBe('');
    expect(cold.lastLine).toContain('6 stages: 6 executed');
    expect(existsSync(w.path('My Project', 'artifacts/my-figure/figure/figure.png'))).toBe(true);
    expect(w.read('My Project', 'artifacts/my-figure/csv/csv.csv')).toMatch(/^0,-/);
    const warm = await inside('run', 'pipelines/my-figure.yaml', '--profile', 'smoke');
    expect(warm.lastLine).toContain('0 executed, 6 cached');
    expect(warm.stdout).toMatch(/categories .*\d/);
    const { stdout } = await inside('show', 'pipelines/my-figure.yaml', 'widths', '--profile', 'smoke');
    expect(stdout).toMatch(/^curve +from +to +width\n0 /);
    const model = await inside(
      'show',
      'pipelines/my-figure.yaml',
      'model.checkpoints/1',
      '--profile',
      'smoke',
    );
    // 3072 x 128 + 128 + 128 x 10 + 10, and of the optimiser as many again.
    expect(model.stdout).toMatch(/\n4 tensors, 394,634 values, norm 6\.\d+; and 4 of its optimiser\n$/);
    const curves = await inside('show', 'pipelines/my-figure.yaml', 'curves', '--profile', 'smoke');
    expect(curves.stdout).toMatch(/┤.*[\u2800-\u28ff]/);
  });

  it('takes another stage of the user’s, which runs alone', async () => {
    const made = await inside('new', 'stage', 'lowest');
    expect(made.stdout).toContain('uses: ../stages/lowest.ts');
    expect((await inside('new', 'stage', 'lowest')).code).toBe(2);
    expect((await inside('new', 'stage', '../up')).code).toBe(2);
    const addition =
      '  low: { uses: ../stages/lowest.ts, inputs: { curves: curves }, with: { metric: accuracy } }\n';
    w.write({
      'My Project/pipelines/my-figure.yaml': w.read('My Project', 'pipelines/my-figure.yaml') + addition,
    });
    const run = await inside('run', 'pipelines/my-figure.yaml', '--profile', 'smoke');
    expect(run.stderr).toBe('');
    expect(run.lastLine).toContain('1 executed, 6 cached');
    expect(run.stdout).toMatch(/low +lowest 0\.\d+/);
  });

  it('is what the doctor looks at', async () => {
    const { code, stdout } = await inside('doctor', '--json');
    expect(code).toBe(0);
    const findings = new Map(JSON.parse(stdout).map((f: { what: string }) => [f.what, f]));
    expect(findings.get('engine wasm')).toMatchObject({
      state: 'good',
      found: expect.stringContaining('TensorFlow.js 4'),
    });
    expect(findings.get('workspace')).toMatchObject({ found: expect.stringMatching(/My Project$/) });
    expect(findings.get('data sets')).toMatchObject({ found: expect.stringContaining('cifar10-mini') });
  });
});
