import Type, { type Static } from 'typebox';
import { datasetNamePattern, normalisationSchema } from '../../src/dataset/dataset.ts';
import { networkSchema } from '../../src/network/architectures.ts';
import { initialisations } from '../../src/network/network.ts';

export const parameters = Type.Object(
  {
    network: networkSchema,
    dataset: Type.String({
      pattern: datasetNamePattern,
      description: 'A folder in data/: cifar10-mini, cifar10.',
    }),
    normalisation: Type.Optional(normalisationSchema),
    epochs: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Passes over the training images.' }),
    keep: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), {
        minItems: 1,
        description: 'Epochs whose checkpoints are kept; 0 is the initialisation (default: the last epoch).',
      }),
    ),
    seed: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    init: Type.Enum([...initialisations], {
      default: 'pytorch',
      description:
        "pytorch: uniform ±1/√fan-in, nn.Linear's and nn.Conv2d's own; he: normal, variance 2/fan-in; he-fan-out: convolutions with variance 2/fan-out; glorot: uniform.",
    }),
    batch: Type.Integer({ default: 128, minimum: 1, maximum: 65536 }),
    'learning-rate': Type.Number({ default: 0.01, exclusiveMinimum: 0, maximum: 1000 }),
    momentum: Type.Number({ default: 0.9, minimum: 0, exclusiveMaximum: 1 }),
    'weight-decay': Type.Number({ default: 5e-4, minimum: 0, maximum: 1000 }),
    nesterov: Type.Boolean({ default: false }),
    schedule: Type.Enum(['constant', 'cosine'], {
      default: 'constant',
      description: 'cosine: from the learning rate to 0 over all epochs, changed after each epoch.',
    }),
    shuffle: Type.Boolean({ default: true, description: 'A new order of the images in each epoch.' }),
  },
  { additionalProperties: false },
);

/** Epochs whose checkpoints are kept, ascending, each once. */
export function keptEpochs(params: { readonly keep?: readonly number[]; readonly epochs: number }): number[] {
  return [...new Set(params.keep ?? [params.epochs])].sort((a, b) => a - b);
}

export type TrainParameters = Static<typeof parameters>;
