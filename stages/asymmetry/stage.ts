import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';
import type { AsymmetryTable } from './table.ts';

export default defineStage({
  version: 1,
  summary:
    'Measures how differently a loss rises on the two sides of a valley, and where a shifted landscape wants the model (asymmetric valleys).',
  with: parameters,
  inputs: {
    curves: { type: 'curves', description: 'Curves through a minimum, with samples on both sides of it.' },
    other: {
      type: 'curves',
      optional: true,
      description: 'The same curves on other images: by how much they are shifted against the first.',
    },
  },
  outputs: {
    asymmetry: { type: 'table', extension: '.json', description: 'Slopes, shifts and gaps, curve by curve.' },
    profiles: {
      type: 'curves',
      extension: '.json',
      description: 'The two sides of each curve over the distance from its bottom.',
    },
    shifted: {
      type: 'curves',
      extension: '.json',
      description: 'The loss that is expected under the shift, over the bias from the bottom.',
    },
  },
  check: ({ from, to }) =>
    to !== undefined && to <= from ? [{ pointer: '/to', message: `is not beyond from, ${from}` }] : [],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Of the curves' mean: the ratio of slopes, the bias; how many are asymmetric; what the bias gains. */
export const factTypes: FactTypes = {
  ratio: 'number',
  asymmetric: 'number',
  bias: 'number',
  gain: 'number',
  shift: 'number',
};
export const facts: FactsOf = async ({ asymmetry }) => {
  const { readFile } = await import('node:fs/promises');
  const { series } = JSON.parse(await readFile(asymmetry!.path!, 'utf8')) as AsymmetryTable;
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const ratios = series.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
  const gaps = series.flatMap(({ gap }) => (gap ? [gap.shift] : []));
  return {
    ...(ratios.length === series.length ? { ratio: mean(ratios) } : {}),
    asymmetric: series.filter(({ asymmetric }) => asymmetric).length / series.length,
    bias: mean(series.map(({ shift }) => shift.bias)),
    gain: mean(series.map(({ shift }) => shift['loss-at-bottom'] - shift['loss-at-bias'])),
    ...(gaps.length > 0 ? { shift: mean(gaps) } : {}),
  };
};
