import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf, type OutputSpec } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';
import type { ChangesTable } from './table.ts';

export default defineStage({
  version: 1,
  summary:
    'Second-order pictures of the loss: slope and curvature along directions, and how it changes under Gaussian steps.',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ.' },
    x: {
      type: 'direction',
      shape: 'either',
      optional: true,
      description: 'Of curve: one direction, or a folder: one curve each.',
    },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> =>
    params.kind === 'curve'
      ? {
          curves: {
            type: 'curves',
            extension: '.json',
            description: 'With the metrics slope (εᵀg) and curvature (εᵀHε) beside the loss.',
          },
        }
      : { changes: { type: 'table', extension: '.json', description: 'δL of each sample, and theory.' } },
  engine: true,
  files: chosenFiles,
  check: ({ kind, points, range: [from, to], scale, lambdas, statistics, recalibration }, inputs) => [
    ...(kind === 'curve' && !inputs.includes('x')
      ? [{ pointer: '/kind', message: 'the kind curve needs the input "x", the direction' }]
      : []),
    ...(kind === 'distribution' && inputs.includes('x')
      ? [{ pointer: '/kind', message: 'the input "x" is read by the kind curve only' }]
      : []),
    ...(Number.isFinite(from) && Number.isFinite(to) && from < to
      ? []
      : [{ pointer: '/range', message: 'must go from a smaller to a larger number' }]),
    ...(Number.isFinite(scale) && scale !== 0
      ? []
      : [{ pointer: '/scale', message: 'is no finite factor other than 0' }]),
    ...(kind === 'distribution' && points !== undefined
      ? [{ pointer: '/points', message: 'means nothing for the kind distribution' }]
      : []),
    ...(lambdas.every(Number.isFinite) ? [] : [{ pointer: '/lambdas', message: 'must be finite numbers' }]),
    ...(statistics === 'keep' && recalibration
      ? [{ pointer: '/recalibration', message: 'means nothing where the statistics are kept' }]
      : []),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Of curves the extremes of slope and curvature; of distributions the share of steps that go up, for each λ. */
export const factTypes: FactTypes = {
  'smallest-curvature': 'number',
  'largest-curvature': 'number',
  'steepest-slope': 'number',
  trace: 'number',
  'positive-share-*': 'number',
  'mean-*': 'number',
  'deviation-*': 'number',
};
export const facts: FactsOf = async ({ curves, changes }) => {
  const { readFile } = await import('node:fs/promises');
  if (curves) {
    const { decodeCurves } = await import('../../src/landscape/curves.ts');
    const { series } = decodeCurves(await readFile(curves.path!, 'utf8'));
    const all = (metric: string): number[] => series.flatMap(({ metrics }) => metrics[metric]!);
    return {
      'smallest-curvature': Math.min(...all('curvature')),
      'largest-curvature': Math.max(...all('curvature')),
      'steepest-slope': Math.max(...all('slope').map(Math.abs)),
    };
  }
  const table = JSON.parse(await readFile(changes!.path!, 'utf8')) as ChangesTable;
  return {
    trace: table.trace.value,
    ...Object.fromEntries(
      table.changes.flatMap(({ lambda, values, mean, deviation }) => [
        [`positive-share-${lambda}`, values.filter((value) => value > 0).length / values.length],
        [`mean-${lambda}`, mean],
        [`deviation-${lambda}`, deviation],
      ]),
    ),
  };
};
