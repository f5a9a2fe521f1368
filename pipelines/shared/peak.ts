import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/**
 * How far a curve falls from the perturbed model before it rises above it again, on each side; of the two the smaller
 * drop: a peak's height; at most 0 where it is none.
 */
export default defineStage({
  version: 1,
  summary: 'Takes the heights of peaks at the perturbed model, over curves one after the other.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { curves: { type: 'curves', many: true } },
  outputs: { heights: { type: 'table', extension: '.json', description: 'One a curve.' } },
  async run({ list, output }) {
    const heights: number[] = [];
    for (const { path } of list('curves')) {
      const { axes, series } = decodeCurves(await readFile(path!, 'utf8'));
      if (axes.length !== 1) throw new Error('these are surfaces, not curves');
      const at = axes[0]!.values;
      const middle = at.reduce((best, v, i) => (Math.abs(v) < Math.abs(at[best]!) ? i : best), 0);
      for (const { metrics } of series) {
        const loss = metrics.loss!;
        const top = loss[middle]!;
        const lowest = (outward: readonly number[]): number => {
          const end = outward.findIndex((v) => v > top);
          return Math.min(...outward.slice(0, end < 0 ? undefined : Math.max(1, end)));
        };
        const sides = [lowest(loss.slice(0, middle).reverse()), lowest(loss.slice(middle + 1))];
        heights.push(top - Math.max(...sides));
      }
    }
    await writeFile(output('heights'), `${JSON.stringify(heights)}\n`);
  },
});

export const factTypes: FactTypes = { falls: 'boolean', first: 'number', last: 'number' };
/** `falls`: each is a smaller one than that before it; what is no peak counts as 0. */
export const facts: FactsOf = async ({ heights }) => {
  const list = (JSON.parse(await readFile(heights!.path!, 'utf8')) as number[]).map((h) => Math.max(0, h));
  return {
    falls: list[0]! > 0 && list.every((h, i) => i === 0 || h < list[i - 1]!),
    first: list[0]!,
    last: list.at(-1)!,
  };
};
