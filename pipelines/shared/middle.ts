import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, Type } from 'orograph';

/** What the middle of a surface is like: the values on the two axes through it, one step to each side. */
export default defineStage({
  version: 1,
  summary: 'Says of surfaces whether their middle is a bowl, a hill or a saddle.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { surface: { type: 'curves' } },
  outputs: { bends: { type: 'table', extension: '.json', description: 'Second differences along x and y.' } },
  async run({ input, output }) {
    const { axes, series } = decodeCurves(await readFile(input('surface').path!, 'utf8'));
    if (axes.length !== 2) throw new Error('these are curves, not surfaces');
    const [columns, rows] = [axes[0]!.values.length, axes[1]!.values.length];
    const bends = series.map(({ metrics }) => {
      const at = (i: number, k: number): number => metrics.loss![i * rows + k]!;
      const [i, k] = [(columns - 1) / 2, (rows - 1) / 2];
      return [at(i + 1, k) + at(i - 1, k) - 2 * at(i, k), at(i, k + 1) + at(i, k - 1) - 2 * at(i, k)];
    });
    await writeFile(output('bends'), `${JSON.stringify(bends)}\n`);
  },
});

export const factNames = ['shape', 'along-x', 'along-y'];
export const facts: FactsOf = async ({ bends }) => {
  const [[x, y]] = JSON.parse(await readFile(bends!.path!, 'utf8')) as [[number, number]];
  const shape = x > 0 && y > 0 ? 'bowl' : x < 0 && y < 0 ? 'hill' : 'saddle';
  return { shape, 'along-x': x, 'along-y': y };
};
