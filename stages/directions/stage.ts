import { datasetFiles } from '../../src/dataset/dataset.ts';
import { defineStage, type OutputSpec } from '../../src/kind/stage-kind.ts';
import { type directionKinds, parameters } from './parameters.ts';

/** Parameters that only some kinds of direction read. */
const readBy: Readonly<Record<string, readonly (typeof directionKinds)[number][]>> = {
  seed: ['gaussian'],
  count: ['gaussian'],
  dataset: ['negative-gradient'],
  split: ['negative-gradient'],
  examples: ['negative-gradient'],
};

export default defineStage({
  version: 1,
  summary:
    'Makes perturbation directions at a checkpoint: Gaussian, the negative gradient, or towards another checkpoint.',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ that is perturbed.' },
    to: {
      type: 'checkpoint',
      optional: true,
      description: 'Of difference: the checkpoint at the other end.',
    },
    like: {
      type: 'direction',
      optional: true,
      description: 'Of scaling norm-of: whose norm the direction gets.',
    },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> => ({
    direction: {
      type: 'direction',
      extension: '.safetensors',
      ...(params.count === undefined
        ? {}
        : { members: Array.from({ length: params.count }, (_, i) => String(i)) }),
    },
  }),
  engine: true,
  files: (params, root) => (params.dataset === undefined ? [] : datasetFiles(params.dataset, root)),
  check: (params) => [
    ...(params.kind === 'gaussian' && params.seed === undefined
      ? [{ pointer: '', message: 'a gaussian direction needs a seed' }]
      : []),
    ...Object.entries(readBy)
      .filter(
        ([name, kinds]) => params[name as keyof typeof params] !== undefined && !kinds.includes(params.kind),
      )
      .map(([name, kinds]) => ({
        pointer: `/${name}`,
        message: `means nothing for the kind ${params.kind}, only for ${kinds.join(' and ')}`,
      })),
    ...(Number.isFinite(params.scale) && params.scale !== 0
      ? []
      : [{ pointer: '/scale', message: 'is no finite factor other than 0' }]),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});
