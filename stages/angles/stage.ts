import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf, type OutputSpec } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';
import type { AngleTable } from './table.ts';

export default defineStage({
  version: 1,
  summary:
    'Measures angles: of Gaussian directions and batch gradients with each other and with targets, and of given directions.',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ.' },
    to: {
      type: 'checkpoint',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Targets: the differences from the model to these checkpoints.',
    },
    against: {
      type: 'direction',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Further targets, before the others: directions.',
    },
    x: {
      type: 'direction',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Directions whose cosines with every target are wanted.',
    },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> => ({
    angles: { type: 'table', extension: '.json', description: 'Angles in degrees, in groups; cosines.' },
    ...(params.samples > 0
      ? {
          best: {
            type: 'direction',
            extension: '.safetensors',
            description:
              "The Gaussian with the smallest angle to the first target (else to its own batch's gradient), with its norm.",
          },
        }
      : {}),
  }),
  engine: true,
  files: ({ dataset }, root) => chosenFiles(dataset === undefined ? {} : { dataset }, root),
  check: ({ samples, gradients }, inputs) =>
    samples > 0 && gradients === 0 && !inputs.includes('to') && !inputs.includes('against')
      ? [
          {
            pointer: '/samples',
            message:
              'there is nothing to measure the angles of Gaussians with: give the input "against" or "to", or a number of gradients',
          },
        ]
      : [],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Of the first group, and of the batches' gradients. */
export const factTypes: FactTypes = {
  'mean-angle': 'number',
  'smallest-angle': 'number',
  'largest-angle': 'number',
  'expected-deviation': 'number',
  'expected-smallest': 'number',
  'gradient-squared-norm': 'number',
  'log-probability': 'number',
  'largest-cosine': 'number',
};
export const facts: FactsOf = async ({ angles }) => {
  const { readFile } = await import('node:fs/promises');
  const table = JSON.parse(await readFile(angles!.path!, 'utf8')) as AngleTable;
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  const [first] = table.groups;
  const squared = table.squaredNorms.length > 0 ? mean(table.squaredNorms) : undefined;
  const dimension = table.subject.parameters as number;
  const cosines = table.given?.cosines.flat().map(Math.abs) ?? [];
  return {
    ...(first
      ? {
          'mean-angle': mean(first.degrees),
          'smallest-angle': Math.min(...first.degrees),
          'largest-angle': Math.max(...first.degrees),
        }
      : {}),
    ...(first?.expected
      ? { 'expected-deviation': first.expected.deviation, 'expected-smallest': first.expected.smallest }
      : {}),
    ...(squared === undefined
      ? {}
      : {
          'gradient-squared-norm': squared,
          // Of the mean gradient's length under a standard normal density: why no sample comes near it.
          'log-probability': -0.5 * (dimension * Math.log(2 * Math.PI) + squared),
        }),
    ...(cosines.length > 0 ? { 'largest-cosine': Math.max(...cosines) } : {}),
  };
};
