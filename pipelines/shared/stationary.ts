import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** Where the stationary points of curves lie: below log C, the loss of guessing among C classes, or above it. */
export default defineStage({
  version: 1,
  summary: 'Counts the stationary points of each curve below and above log C.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { curves: { type: 'curves', many: true } },
  outputs: { counts: { type: 'table', extension: '.json', description: 'Below and above, a pair a curve.' } },
  async run({ list, output }) {
    const counts: [number, number][] = [];
    for (const { path } of list('curves')) {
      const { axes, classes, series } = decodeCurves(await readFile(path!, 'utf8'));
      if (axes.length !== 1 || classes === null) throw new Error('these are no curves of a classifier');
      for (const { metrics } of series) {
        const y = metrics.loss!;
        // The paper's formula: a sample that lies above both of its neighbours, or below both.
        const found = y.filter((v, t) => t > 0 && t < y.length - 1 && (v - y[t + 1]!) * (v - y[t - 1]!) > 0);
        const below = found.filter((v) => v < Math.log(classes)).length;
        counts.push([below, found.length - below]);
      }
    }
    await writeFile(output('counts'), `${JSON.stringify(counts)}\n`);
  },
});

/** Means over the curves, and the largest number that one of them has in all. */
export const factTypes: FactTypes = { below: 'number', above: 'number', most: 'number' };
export const facts: FactsOf = async ({ counts }) => {
  const list = JSON.parse(await readFile(counts!.path!, 'utf8')) as [number, number][];
  const mean = (of: (pair: [number, number]) => number): number =>
    list.reduce((sum, pair) => sum + of(pair), 0) / list.length;
  return {
    below: mean(([below]) => below),
    above: mean(([, above]) => above),
    most: Math.max(...list.map(([below, above]) => below + above)),
  };
};
