import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../../src/kind/artifact.ts';
import type { StageContext } from '../../../src/kind/stage-kind.ts';
import { type Curves, encodeCurves } from '../../../src/landscape/curves.ts';
import { digestOf } from '../../../src/util/digest.ts';
import render from '../../../stages/render/stage.ts';
import { basin, parametersOf, surface } from './curves.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orograph-render-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function artifact(name: string, curves: Curves): Promise<Artifact> {
  const text = encodeCurves(curves);
  const path = join(folder, `${name}.json`);
  await writeFile(path, text);
  const digest = digestOf(text);
  return { label: name, type: 'curves', digest, folder: false, path, members: [{ name: '', path, digest }] };
}

/** Runs the kind as a worker does, with the part of the context that it may use. */
async function runStage(
  panels: readonly Artifact[],
  name: string,
): Promise<Record<'svg' | 'png' | 'pdf', Buffer>> {
  const path = (output: string): string => join(folder, `${name}.${output}`);
  await render.run({
    params: parametersOf({ title: 'A figure' }),
    inputs: { panels },
    list: (input: string) => (input === 'panels' ? panels : []),
    output: path,
    progress: () => {},
  } as unknown as StageContext<ReturnType<typeof parametersOf>>);
  const [svg, png, pdf] = await Promise.all([
    readFile(path('svg')),
    readFile(path('png')),
    readFile(path('pdf')),
  ]);
  return { svg, png, pdf };
}

describe('the render kind', () => {
  it('writes SVG, PNG and PDF, the same bytes in two runs', async () => {
    const panels = [await artifact('curve', basin()), await artifact('plane', surface())];
    const first = await runStage(panels, 'first');
    const second = await runStage(panels, 'second');
    expect(first.svg.toString()).toMatch(/^<svg xmlns/u);
    expect(first.png.subarray(1, 4).toString()).toBe('PNG');
    expect(first.pdf.subarray(0, 5).toString()).toBe('%PDF-');
    for (const format of ['svg', 'png', 'pdf'] as const)
      expect(second[format].equals(first[format])).toBe(true);
  });

  it('draws a double column, 6.9 inches, at 200 dots an inch as 1380 pixels and notes the resolution', async () => {
    const { png } = await runStage([await artifact('curve', basin())], 'size');
    expect(png.readUInt32BE(16)).toBe(1380);
    const chunk = png.indexOf('pHYs');
    expect(png.readUInt32BE(chunk + 4)).toBe(7874);
  });

  it('declares the font files, whose content decides the drawing', () => {
    const files = render.files!(parametersOf({}), '/');
    expect(files.map((file) => file.name)).toEqual(['font/regular', 'font/italic', 'font/bold']);
  });

  describe('refuses before anything runs', () => {
    const problems = (given: object) => render.check!(parametersOf(given), ['panels']);
    const above = 'must lie above 0, because the axis is logarithmic';

    it('a range that runs backwards or holds one number, in an inset as well', () => {
      const message = 'must go from a smaller to a larger number';
      expect(problems({ panels: [{}, { yrange: [2, 1] }] })).toEqual([
        { pointer: '/panels/1/yrange', message },
      ]);
      expect(problems({ panels: [{ inset: { xrange: [0, 0], yrange: [1, 1] } }] })).toEqual([
        { pointer: '/panels/0/inset/xrange', message },
        { pointer: '/panels/0/inset/yrange', message },
      ]);
    });

    it.each<[object, string]>([
      [{ log: true, panels: [{ plot: 'curves', yrange: [0, 3] }] }, 'yrange'],
      [{ plot: 'bars', panels: [{ log: true, yrange: [-1, 1] }] }, 'yrange'],
      [{ panels: [{ plot: 'density', yrange: [0, 1] }] }, 'yrange'],
      [{ panels: [{ 'log-x': true, xrange: [-1, 1] }] }, 'xrange'],
      [{ panels: [{ log: true, zrange: [-1, 10] }] }, 'zrange'],
      [{ panels: [{ log: true, inset: { xrange: [-1, 1], yrange: [0, 1] } }] }, 'inset/yrange'],
    ])('a range that a logarithmic axis cannot show: %j', (given, place) => {
      expect(problems(given)).toEqual([{ pointer: `/panels/0/${place}`, message: above }]);
    });

    it('but not one of an axis that is not logarithmic', () => {
      const plane = { plot: 'filled', xrange: [-1, 1], yrange: [-1, 1], zrange: [0.1, 1], 'log-x': true };
      const table = { plot: 'histogram', yrange: [0, 9] };
      const linear = { plot: 'curves', log: false, yrange: [0, 9] };
      const unknown = { xrange: [-1, 1], yrange: [-1, 1] };
      expect(problems({ log: true, panels: [plane, table, linear, unknown] })).toEqual([]);
    });
  });
});
