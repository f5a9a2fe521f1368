import { appendFileSync, chmodSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { parseTables } from '../../src/cli/show/table.ts';
import { digestOf } from '../../src/util/digest.ts';
import { CliWorkspace } from '../support/cli.ts';

const kind = `import { readFileSync, writeFileSync } from 'node:fs';
export default {
  version: 1,
  summary: 'what it sees of the environment',
  with: { type: 'object', properties: {} },
  inputs: {},
  outputs: { seen: { type: 'file', extension: '.txt' } },
  run: async ({ output }) => writeFileSync(output('seen'), [process.env.DECLARED, process.env.SECRET].join()),
};
export const factTypes = { length: 'number' };
export const facts = async ({ seen }) => ({ length: readFileSync(seen.path, 'utf8').length });
`;

describe('results', () => {
  const w = new CliWorkspace({
    'kind.ts': kind,
    'p.yaml':
      'pipeline: p\nparams: { word: first }\nstages:\n  kind: { uses: ./kind.ts, env: [DECLARED], expect: { length: 5 } }\n  said: { command: "echo ${{ params.word }}; echo x > ${{ outputs.o }}", outputs: { o: o.txt } }\n',
  });
  afterAll(() => w.remove());

  it('of a kind come from the environment that its stage declares, and no other', async () => {
    const env = { DECLARED: 'seen', SECRET: 'hidden' };
    const { code, stdout } = await w.start(['run', 'p.yaml', '--strict-expect'], { env }).finished;
    // A fact that holds, found by the run itself.
    expect(stdout).toMatch(/✓ +kind +length +5 +held/);
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

describe('the status of pipelines', () => {
  it('ends with 2 where one cannot be planned, and still tells of the others', async () => {
    const w = new CliWorkspace({
      'pipelines/bad.yaml': 'pipeline: bad\n',
      'pipelines/good.yaml':
        'pipeline: good\nstages: { a: { command: "echo > ${{ outputs.o }}", outputs: { o: f } } }\n',
    });
    const { code, stdout } = await w.run('status');
    w.remove();
    expect(code).toBe(2);
    expect(stdout).toMatch(/✗ bad.yaml +line 1: "stages" is missing/);
    expect(stdout).toMatch(/● good +1 to run/);
  });
});

describe('a table of text', () => {
  const rows = (text: string) => {
    const tables = parseTables(text)!;
    expect(tables.map(({ title }) => title)).toEqual(['']);
    return tables[0]!.rows;
  };
  it('is read by its delimiter, with quotes as in RFC 4180', () => {
    expect(rows('a,b\n1,"x ""y"", z"\n-2e3,\n')).toEqual([
      { a: 1, b: 'x "y", z' },
      { a: -2000, b: '' },
    ]);
    expect(rows('a\tb\n1\tx,y\n')).toEqual([{ a: 1, b: 'x,y' }]);
    expect(parseTables('no delimiter\n1\n')).toBeUndefined();
    expect(parseTables('[1, 2]')).toBeUndefined();
    expect(rows('{"format": "f", "rows": [{"a": 1}]}')).toEqual([{ a: 1 }]);
  });

  it('may be several: lists of rows, lists of one length beside each other, and what is no list', () => {
    const file = {
      format: 'f',
      largest: [{ value: 3 }, { value: 2 }],
      grid: [0, 1],
      density: [0.5, 0.25],
      none: [],
      products: 7,
    };
    expect(parseTables(JSON.stringify(file))).toEqual([
      { title: '', rows: [{ format: 'f', products: 7 }] },
      { title: 'largest', rows: [{ value: 3 }, { value: 2 }] },
      {
        title: 'grid, density',
        rows: [
          { grid: 0, density: 0.5 },
          { grid: 1, density: 0.25 },
        ],
      },
    ]);
  });
});
