import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { CliWorkspace } from '../support/cli.ts';

/**
 * What a stage wants of `memo.shared` and another one is computing it waits for, and keeps its tokens meanwhile. Only a
 * stage that runs computes, so that whoever is waited for has all the tokens it needs: with a single one nobody waits.
 */
const kind = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineStage, Type } from 'orograph';
export default defineStage({
  version: 1,
  summary: 'Wants products that others want, too, in an order of its own.',
  with: Type.Object({
    order: Type.Array(Type.String()),
    fails: Type.Boolean({ default: false }),
    waits: Type.Boolean({ default: false }),
  }),
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt' } },
  async run({ params, memo, root, output }) {
    const found = [];
    while (params.waits && !existsSync(join(root, 'begun'))) await sleep(10);
    for (const name of params.order) {
      const bytes = await memo.shared({ name }, async () => {
        writeFileSync(join(root, 'begun'), name);
        await sleep(150);
        if (params.fails) throw new Error('no memory');
        appendFileSync(join(root, 'computed'), name);
        return Buffer.from('product ' + name);
      });
      found.push(Buffer.from(bytes).toString());
    }
    writeFileSync(output('out'), found.sort().join());
  },
});
`;
const stage = (name: string, order: string, more = ''): string =>
  `  ${name}: { uses: ./kind.ts, with: { order: [${order}]${more} } }\n`;

let w: CliWorkspace;
afterEach(() => w.remove());
function workspace(stages: string): CliWorkspace {
  w = new CliWorkspace({ 'p.yaml': `pipeline: p\nstages:\n${stages}`, 'kind.ts': kind });
  return w;
}
/** What was computed, in alphabetical order. */
const computed = (): string =>
  existsSync(join(w.folder, 'computed'))
    ? [...readFileSync(join(w.folder, 'computed'), 'utf8')].sort().join('')
    : '';

it.each(['1', '2', '3'])(
  'stages that share products in opposite orders all finish, --jobs %s',
  async (jobs) => {
    workspace(stage('s', 'a, b, c') + stage('t', 'c, b, a') + stage('u', 'b, c, a'));
    const run = await w.run('run', 'p.yaml', '--jobs', jobs);
    expect(run.code, run.stderr).toBe(0);
    expect(computed()).toBe('abc');
  },
);

it('two runs on one cache, each with a single token, share them as well', async () => {
  workspace(stage('s', 'a, b, c') + stage('t', 'c, b, a, d'));
  const ended = await Promise.all(['s', 't'].map((name) => w.run('run', 'p.yaml', name, '--jobs', '1')));
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  expect(computed()).toBe('abcd');
});

it('where the stage that computes fails, the one that waits computes', async () => {
  workspace(stage('s', 'a', ', fails: true') + stage('t', 'a, b', ', waits: true'));
  const run = await w.run('run', 'p.yaml', '--jobs', '2', '--keep-going');
  expect(run.code).toBe(1);
  expect(computed()).toBe('ab');
});
