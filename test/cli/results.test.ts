import { appendFileSync, chmodSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parseTable } from '../../src/cli/show/table.ts';
import { digestOf } from '../../src/util/digest.ts';
import { CliWorkspace } from '../support/cli.ts';

const kind = `import { writeFileSync } from 'node:fs';
export default {
  version: 1,
  summary: 'what it sees of the environment',
  with: { type: 'object', properties: {} },
  inputs: {},
  outputs: { seen: { type: 'file', extension: '.txt' } },
  run: async ({ output }) => writeFileSync(output('seen'), [process.env.DECLARED, process.env.SECRET].join()),
};
`;

describe('results', () => {
  const w = new CliWorkspace({
    'kind.ts': kind,
    'p.yaml':
      'pipeline: p\nparams: { word: first }\nstages:\n  kind: { uses: ./kind.ts, env: [DECLARED] }\n  said: { command: "echo ${{ params.word }}; echo x > ${{ outputs.o }}", outputs: { o: o.txt } }\n',
  });
  afterAll(() => w.remove());

  it('of a kind come from the environment that its stage declares, and no other', async () => {
    const env = { DECLARED: 'seen', SECRET: 'hidden' };
    const { code } = await w.start(['run', 'p.yaml'], { env }).finished;
    expect(code).toBe(0);
    expect(w.read('artifacts/p/kind/seen.txt')).toBe('seen,');
  });

  it('keep their log: of the present settings, else of the newest run', async () => {
    const logs = async (...words: string[]) => (await w.run('logs', 'p.yaml', 'said', ...words)).stdout;
    expect(await logs()).toBe('first\n');
    expect(await logs('--set', 'word=never')).toBe('first\n');
    await w.run('run', 'p.yaml', 'said', '--set', 'word=second');
    expect(await logs()).toBe('first\n');
    expect(await logs('--set', 'word=never')).toBe('second\n');
  });

  it('that are damaged end verify with 3, once; repaired, with 0', async () => {
    const digest = digestOf('x\n');
    const blob = w.path('cache', 'objects', digest.slice(0, 2), digest.slice(2));
    chmodSync(blob, 0o644);
    appendFileSync(blob, 'more');
    expect((await w.run('verify')).code).toBe(3);
    expect((await w.run('verify', '--repair')).code).toBe(0);
    expect((await w.run('verify')).code).toBe(0);
  });
});

describe('a table of text', () => {
  it('is read by its delimiter, with quotes as in RFC 4180', () => {
    expect(parseTable('a,b\n1,"x ""y"", z"\n-2e3,\n')).toEqual([
      { a: 1, b: 'x "y", z' },
      { a: -2000, b: '' },
    ]);
    expect(parseTable('a\tb\n1\tx,y\n')).toEqual([{ a: 1, b: 'x,y' }]);
    expect(parseTable('no delimiter\n1\n')).toBeUndefined();
    expect(parseTable('[1, 2]')).toBeUndefined();
    expect(parseTable('{"format": "f", "rows": [{"a": 1}]}')).toEqual([{ a: 1 }]);
  });
});
