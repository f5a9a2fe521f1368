import Type, { type Static } from 'typebox';
import { datasetSchema } from '../../src/dataset/dataset.ts';
import { initialisations } from '../../src/network/network.ts';

export const miningKinds = ['w-peak', 'vvv-basin'] as const;

const seed = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

/** How a descent over batches goes: of mining, and of whatever else is found by it. */
export const descentParameters = {
  epochs: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Passes over the training images.' }),
  seed: Type.Integer({ ...seed, description: 'Of the order of the images and of the random λ.' }),
  batch: Type.Integer({ default: 128, minimum: 1, maximum: 65536, description: 'Images of a step.' }),
  'learning-rate': Type.Number({ default: 0.05, exclusiveMinimum: 0, maximum: 1000 }),
  momentum: Type.Number({ default: 0, minimum: 0, exclusiveMaximum: 1 }),
  schedule: Type.Enum(['constant', 'cosine'], {
    default: 'constant',
    description: 'cosine: from the learning rate to 0 over all epochs, changed after each epoch.',
  }),
  shuffle: Type.Boolean({ default: true, description: 'A new order of the images in each epoch.' }),
  dataset: Type.Optional(datasetSchema),
  examples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Only the first so many training images (default: all).' }),
  ),
};

export const parameters = Type.Object(
  {
    kind: Type.Enum([...miningKinds], {
      description:
        'w-peak: Algorithm 1, a direction of which θ is the peak; vvv-basin: Algorithm 2, another basin φ with a third one between.',
    }),
    ...descentParameters,
    keep: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), {
        minItems: 1,
        description:
          'Epochs whose directions are kept, as a folder (default: a single file, of the last epoch).',
      }),
    ),
    reach: Type.Number({
      default: 1,
      exclusiveMinimum: 0,
      maximum: 1000,
      description: 'Of w-peak: λ is uniform in ±reach·e/E in epoch e of E.',
    }),
    alpha: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 10,
      description: 'Of vvv-basin: λ is uniform in 0.5 ± α.',
    }),
    gamma: Type.Number({
      default: 0.1,
      minimum: 0,
      maximum: 1000,
      description: 'Of vvv-basin: the weight γ of the loss between θ and φ.',
    }),
    'start-seed': Type.Optional(
      Type.Integer({
        ...seed,
        description: 'Of vvv-basin: φ starts as an initialisation of this seed (or at the input start).',
      }),
    ),
    init: Type.Enum([...initialisations], {
      default: 'pytorch',
      description: 'Of vvv-basin: how φ is initialised.',
    }),
    statistics: Type.Enum(['batch', 'keep'], {
      default: 'batch',
      description:
        "Of networks with batch norm: normalise with each batch's own statistics, as in training, or keep the checkpoint's.",
    }),
  },
  { additionalProperties: false },
);

export type MineParameters = Static<typeof parameters>;
export type DescentParameters = Pick<MineParameters, keyof typeof descentParameters>;

/** Epochs whose directions are kept, ascending, each once. */
export function keptEpochs({ keep, epochs }: Pick<MineParameters, 'keep' | 'epochs'>): number[] {
  return [...new Set(keep ?? [epochs])].sort((a, b) => a - b);
}
