import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliWorkspace, commandLine } from '../support/cli.ts';

/** Curves that a program writes: a figure without any training. */
const curves = (slope: number): string =>
  JSON.stringify({
    format: 'orograph-curves/1',
    axes: [{ label: 'λ', values: [-1, 0, 1], marks: [{ at: 0, role: 'model', label: 'θ' }] }],
    series: [{ name: '1', direction: 'gaussian', metrics: { loss: [1 + slope, 0.5, 1] } }],
    classes: 10,
    subject: { network: 'mlp' },
  });

const pipeline = `pipeline: small
title: A small figure
params: { name: first }
stages:
  curve:
    command: "cp \${{ inputs.numbers }} \${{ outputs.curves }}"
    inputs: { numbers: { file: numbers.json } }
    outputs: { curves: { file: curves.json, type: curves } }
  figure:
    uses: render
    caption: What a caption says
    inputs: { panels: curve.curves }
    with: { title: "\${{ params.name }}", dpi: 60 }
`;

/** Folder and name of the stored picture that a published one is a stamped copy of. */
function objectOf(w: CliWorkspace, path: string): string[] {
  const record = JSON.parse(w.read('artifacts/small/run.json')) as {
    stages: { id: string; outputs: Record<string, { members: Record<string, { digest: string }> }> }[];
  };
  const { outputs } = record.stages.find(({ id }) => id === 'figure')!;
  const { digest } = outputs[extname(path).slice(1)]!.members['']!;
  return [digest.slice(0, 2), digest.slice(2)];
}

describe('a published figure', () => {
  let w: CliWorkspace;
  const figure = (extension: string): string => `artifacts/small/figure/figure.${extension}`;
  beforeAll(async () => {
    w = new CliWorkspace({ 'small.yaml': pipeline, 'numbers.json': curves(0.2) });
    expect((await w.run('run', 'small.yaml', '--set', 'name=second')).code).toBe(0);
  });
  afterAll(() => w.remove());

  it('says in every format what it was made of, and names no folder of this machine', async () => {
    for (const extension of ['svg', 'png', 'pdf', 'html']) {
      const said = await w.run('provenance', figure(extension), '--json');
      const record = JSON.parse(said.stdout);
      expect(record).toMatchObject({
        pipeline: 'small',
        set: ['name=second'],
        params: { name: 'second' },
        stage: 'figure',
        output: extension,
        sources: [{ path: 'small.yaml', text: pipeline }],
      });
      expect(record.stages.map(({ id }: { id: string }) => id)).toEqual(['curve', 'figure']);
      expect(readFileSync(w.path(figure(extension))).includes(Buffer.from(w.folder))).toBe(false);
    }
    const told = await w.run('provenance', figure('png'));
    expect(told.stdout).toContain('small: figure.png  A small figure');
    expect((await w.run('provenance', figure('pdf'), '--pipeline')).stdout).toBe(pipeline);
  });

  it('is made again from the file alone, byte for byte, elsewhere and from nothing', async () => {
    const other = new CliWorkspace({ 'numbers.json': curves(0.2) });
    try {
      copyFileSync(w.path(figure('png')), other.path('seen.png'));
      const made = await other.run('rebuild', 'seen.png', '--fresh');
      expect(made.stdout).toContain('same bytes');
      expect(made.code).toBe(0);
      expect(other.read('seen-rebuilt', 'small.yaml')).toBe(pipeline);
      const again = readFileSync(other.path('seen-rebuilt/artifacts/small/figure/figure.png'));
      expect(again.equals(readFileSync(w.path(figure('png'))))).toBe(true);
    } finally {
      other.remove();
    }
  });

  it('is made again from its reduced copy in a gallery, which says of which bytes it is one', async () => {
    expect((await w.run('gallery', '--markdown', '-o', 'gallery')).code).toBe(0);
    const small = readFileSync(w.path('gallery/small-figure.png'));
    expect(small.equals(readFileSync(w.path(figure('png'))))).toBe(false);
    for (const [slope, code] of [
      [0.2, 0],
      [0.4, 3],
    ] as const) {
      const other = new CliWorkspace({ 'numbers.json': curves(slope) });
      try {
        copyFileSync(w.path('gallery/small-figure.png'), other.path('seen.png'));
        const made = await other.run('rebuild', 'seen.png');
        expect(made.stdout).toContain(
          code === 0
            ? 'seen.png, which is a reduced copy of it, made again'
            : 'first stage whose results differ',
        );
        expect(made.code).toBe(code);
      } finally {
        other.remove();
      }
    }
  });

  it('holds the code of stage kinds of its own, also of those that only its claims need', async () => {
    const kind = `import { defineStage, Type } from 'orograph';
import { writeFile } from 'node:fs/promises';
import { content } from './content.ts';
export default defineStage({ version: 1, summary: 'Writes.', with: Type.Object({}), inputs: { curves: { type: 'curves' } },
  outputs: { o: { type: 'table', extension: '.json' } }, run: async ({ output }) => writeFile(output('o'), content) });
`;
    const one = new CliWorkspace({
      'p/small.yaml': `${pipeline}  claim: { uses: ./kinds/claim.ts, inputs: { curves: curve.curves } }\n`,
      'p/kinds/claim.ts': kind,
      'p/kinds/content.ts': "export const content: string = '[1]';\n",
      'numbers.json': curves(0.2),
    });
    const other = new CliWorkspace({ 'numbers.json': curves(0.2) });
    try {
      expect((await one.run('run', 'p/small.yaml')).code).toBe(0);
      const files = (
        JSON.parse((await one.run('provenance', figure('svg'), '--json')).stdout) as {
          sources: { path: string; text: string }[];
        }
      ).sources;
      expect(files.map(({ path }) => path)).toEqual(['small.yaml', 'kinds/claim.ts', 'kinds/content.ts']);
      expect(files[1]!.text).toBe(kind);
      copyFileSync(one.path(figure('svg')), other.path('seen.svg'));
      const made = await other.run('rebuild', 'seen.svg');
      expect(`${made.stdout}${made.stderr}`).toContain('same bytes');
      expect(made.code).toBe(0);
      expect(other.read('seen-rebuilt', 'kinds', 'claim.ts')).toBe(kind);
    } finally {
      one.remove();
      other.remove();
    }
  });

  it('is said to differ where the data differ, with the file and the first stage', async () => {
    const other = new CliWorkspace({ 'numbers.json': curves(0.4) });
    try {
      copyFileSync(w.path(figure('svg')), other.path('seen.svg'));
      const made = await other.run('rebuild', 'seen.svg', '--into', 'here');
      expect(made.code).toBe(3);
      expect(made.stdout).toContain('other bytes');
      expect(made.stdout).toContain('file numbers.json');
      expect(made.stdout).toContain('the first stage whose results differ is curve');
    } finally {
      other.remove();
    }
  });

  it('is not drawn anew where only its provenance changed: the copy is', async () => {
    const before = readFileSync(w.path(figure('svg')));
    w.write({ 'small.yaml': `# a comment\n${pipeline}` });
    const run = await w.run('run', 'small.yaml', '--set', 'name=second');
    expect(run.lastLine).toContain('0 executed, 2 cached');
    const after = readFileSync(w.path(figure('svg')));
    expect(after.equals(before)).toBe(false);
    expect((await w.run('provenance', figure('svg'), '--pipeline')).stdout).toBe(`# a comment\n${pipeline}`);
    w.write({ 'small.yaml': pipeline });
    await w.run('run', 'small.yaml', '--set', 'name=second');
    expect(readFileSync(w.path(figure('svg'))).equals(before)).toBe(true);
  });

  it('stands in the gallery with caption, formats and provenance', async () => {
    expect((await w.run('gallery', '-o', 'site')).stdout).toContain(
      '1 figure of 1 pipeline: site/index.html',
    );
    const page = w.read('site', 'index.html');
    expect(page).toContain('What a caption says');
    for (const [, link] of page.matchAll(/(?:href|src)="([^"]+)"/gu))
      expect(existsSync(w.path('site', decodeURIComponent(link!)))).toBe(true);
    expect((await w.run('gallery', '-o', 'docs', '--markdown')).code).toBe(0);
    expect(w.read('docs', 'README.md')).toContain('![second](small-figure.png)');
  });

  it('is shown with --json byte for byte', () => {
    const words = ['show', 'small.yaml', 'figure.png', '--set', 'name=second', '--json'];
    const shown = spawnSync(process.execPath, [commandLine, ...words], { cwd: w.folder });
    expect(shown.status).toBe(0);
    expect(shown.stdout.equals(readFileSync(w.path('cache', 'objects', ...objectOf(w, figure('png')))))).toBe(
      true,
    );
  });

  it('stays in the gallery where the record of another pipeline is damaged, which is said', async () => {
    for (const damage of ['{"stages": [', '{"stages": 4}', 'null', '']) {
      w.write({ 'artifacts/other/run.json': damage });
      const made = await w.run('gallery', '-o', 'site');
      expect(made.code).toBe(0);
      expect(made.stdout).toContain('1 figure of 1 pipeline');
      expect(made.stderr).toContain('artifacts/other/run.json is no record of a run');
    }
    w.write({ 'alone/other/run.json': '[]' });
    const none = await w.run('gallery', '--artifacts', 'alone');
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('damaged-record');
    expect(none.stderr).toContain('no-figures');
  });

  it('is missed where a file has none, or there is no figure', async () => {
    const none = await w.run('provenance', 'small.yaml');
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('no-provenance');
    expect((await w.run('rebuild', 'nowhere.png')).stderr).toContain('missing-file');
    expect((await w.run('gallery', '--artifacts', 'empty')).stderr).toContain('no-figures');
  });
});
