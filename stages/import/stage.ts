import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { weightFiles } from '../../src/network/own-network.ts';
import { fittingFiles } from '../train/files.ts';
import { parameters } from './parameters.ts';

export default defineStage({
  version: 2,
  summary:
    'Makes a checkpoint of weights that others have trained: PyTorch, or a TensorFlow.js layers model.',
  with: parameters,
  inputs: {
    weights: {
      type: 'file',
      optional: true,
      description:
        "A state_dict as safetensors, under PyTorch's names and in its layouts. A layers model brings its own weights.",
    },
  },
  outputs: { checkpoint: { type: 'checkpoint', extension: '.safetensors' } },
  files: (params, root) => [...fittingFiles(params, root), ...weightFiles(params.network, root)],
  check: ({ network }, inputs) =>
    inputs.includes('weights') || (typeof network !== 'string' && network.name === 'layers')
      ? []
      : [
          {
            pointer: '/network',
            message: 'this network needs the input "weights"; only a layers model brings its own',
          },
        ],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** The number of parameters and their Euclidean norm. */
export const factTypes: FactTypes = { parameters: 'number', norm: 'number' };
export const facts: FactsOf = async (outputs) => {
  const { readCheckpoint } = await import('../../src/network/checkpoint.ts');
  const { dimension, norm } = await import('../../src/network/tensors.ts');
  const { parameters: theta } = await readCheckpoint(outputs.checkpoint!.path!, 'the checkpoint');
  return { parameters: dimension(theta), norm: norm(theta) };
};
