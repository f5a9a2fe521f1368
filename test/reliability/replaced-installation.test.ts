import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repository } from '../support/cli.ts';
import { fastFolder } from '../support/fast-folder.ts';
import { TestFolder } from '../support/test-folder.ts';

/** A pipeline whose program, between two kinds, does what it is told to the installation. */
const files = {
  'p.yaml': `pipeline: p
stages:
  before: { uses: ./kind.ts }
  between:
    command: cp \${{ inputs.before }} \${{ outputs.out }}; printf other > "$STAMP"
    inputs: { before: before }
    outputs: { out: out.txt }
    env: [STAMP]
  after: { uses: ./kind.ts, inputs: { from: between } }
`,
  'kind.ts': `import { writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';
export default defineStage({
  version: 1,
  summary: 'Writes a file.',
  with: Type.Object({}),
  inputs: { from: { type: 'file', optional: true } },
  outputs: { out: { type: 'file', extension: '.txt' } },
  async run(context) {
    writeFileSync(context.output('out'), 'made');
  },
});
`,
};

let workspace: TestFolder;
let installation: string;
beforeAll(() => {
  workspace = new TestFolder(join(fastFolder, 'orograph-test-'), files);
  installation = workspace.path('installation');
  mkdirSync(installation);
  for (const name of ['dist', 'package.json', 'data', 'assets'])
    cpSync(join(repository, name), join(installation, name), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(installation, 'node_modules'));
});
afterAll(() => workspace.remove());

it('a worker refuses to compute with code of another build than the keys were made with', () => {
  const stamp = join(installation, 'dist', 'stamp');
  const built = readFileSync(stamp, 'utf8');
  const run = () =>
    spawnSync(process.execPath, [join(installation, 'dist', 'cli', 'main.js'), 'run', 'p.yaml'], {
      cwd: workspace.folder,
      env: { ...process.env, STAMP: stamp, OROGRAPH_FAULT: undefined },
      encoding: 'utf8',
    });
  const first = run();
  expect(first.stdout + first.stderr).toContain('after failed');
  expect(first.stdout + first.stderr).toContain('installed anew while this run went on');
  expect(first.status).toBe(1);
  writeFileSync(stamp, built);
  const second = run();
  expect(second.stdout).toContain('3 stages: 1 executed, 2 cached');
  expect(second.status).toBe(0);
});
