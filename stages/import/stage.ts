import { datasetFiles } from '../../src/dataset/dataset.ts';
import { defineFacts, defineStage } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';

export default defineStage({
  version: 1,
  summary: 'Makes a checkpoint of weights that PyTorch code has trained, from a safetensors file.',
  with: parameters,
  inputs: {
    weights: {
      type: 'file',
      description: "A state_dict as safetensors, under PyTorch's names and in its layouts.",
    },
  },
  outputs: { checkpoint: { type: 'checkpoint', extension: '.safetensors' } },
  files: (params, root) => datasetFiles(params.dataset, root),
  run: async (context) => (await import('./run.ts')).run(context),
});

/** The number of parameters and their Euclidean norm. */
export const facts = defineFacts(['parameters', 'norm'], async (outputs) => {
  const { readCheckpoint } = await import('../../src/network/checkpoint.ts');
  const { dimension, norm } = await import('../../src/network/tensors.ts');
  const { parameters: theta } = await readCheckpoint(outputs.checkpoint!.path!, 'the checkpoint');
  return { parameters: dimension(theta), norm: norm(theta) };
});
