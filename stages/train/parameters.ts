import Type, { type Static } from 'typebox';
import { datasetSchema, normalisationSchema } from '../../src/dataset/dataset.ts';
import { networkSchema } from '../../src/network/architectures.ts';
import { initialisations } from '../../src/network/network.ts';
import { lossSchema } from '../../src/network/objective.ts';

const share = Type.Number({ minimum: 0, exclusiveMaximum: 1 });

const optimisation = {
  optimiser: Type.Enum(['sgd', 'adam', 'adamw'], {
    default: 'sgd',
    description: "As PyTorch defines them. adamw: weight decay apart from the gradient's moments.",
  }),
  'learning-rate': Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1000,
      description: 'Default 0.01; of adam and adamw 0.001.',
    }),
  ),
  momentum: Type.Optional(
    Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'Of sgd (default 0.9).' }),
  ),
  dampening: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Of sgd: 1 minus the share of the gradient (default 0).',
    }),
  ),
  nesterov: Type.Boolean({ default: false }),
  betas: Type.Optional(
    Type.Tuple([share, share], { description: 'Of adam and adamw (default [0.9, 0.999]).' }),
  ),
  epsilon: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      description: 'Of adam and adamw, outside the square root (default 1e-8).',
    }),
  ),
  'weight-decay': Type.Optional(
    Type.Number({ minimum: 0, maximum: 1000, description: 'Default 5e-4; of adam 0, of adamw 0.01.' }),
  ),
  decayed: Type.Union(
    [
      Type.Enum(['all', 'weights']),
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, uniqueItems: true }),
    ],
    {
      default: 'all',
      description:
        'What weight decay acts on: all; weights: parameters of two dimensions or more; or names, where * stands for anything: ["*/kernel"].',
    },
  ),
  clip: Type.Optional(
    Type.Union(
      [
        Type.Object({ norm: Type.Number({ exclusiveMinimum: 0 }) }, { additionalProperties: false }),
        Type.Object({ value: Type.Number({ exclusiveMinimum: 0 }) }, { additionalProperties: false }),
      ],
      {
        description:
          "{ norm: 1 }: the gradient's length at most; { value: 0.1 }: each component's size at most.",
      },
    ),
  ),
};

const schedule = {
  schedule: Type.Enum(['constant', 'step', 'cosine'], {
    default: 'constant',
    description:
      'step: times gamma at each milestone; cosine: from the learning rate to the minimum over all epochs, or over the horizon.',
  }),
  'schedule-by': Type.Enum(['epoch', 'step'], {
    default: 'epoch',
    description:
      "The unit of milestones, warm-up and horizon, and when the rate changes: after each epoch or after each optimiser's step.",
  }),
  milestones: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, description: 'Of step, from the start.' }),
  ),
  gamma: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 10, description: 'Of step (default 0.1).' }),
  ),
  minimum: Type.Optional(
    Type.Number({ minimum: 0, description: 'Of cosine: the learning rate at its end (default 0).' }),
  ),
  horizon: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        'Of cosine: where it ends, warm-up included (default: after all epochs). With it, a training goes on from what is stored when epochs grows up to there.',
    }),
  ),
  'warm-up': Type.Optional(
    Type.Object(
      {
        length: Type.Integer({ minimum: 1 }),
        from: Type.Optional(
          Type.Number({
            minimum: 0,
            maximum: 1,
            description: 'Share of the rate to begin with (default 1/3).',
          }),
        ),
      },
      { additionalProperties: false, description: 'The rate grows linearly to its whole.' },
    ),
  ),
};

export const parameters = Type.Object(
  {
    network: networkSchema,
    dataset: datasetSchema,
    normalisation: Type.Optional(normalisationSchema),
    epochs: Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Passes over the training images.' }),
    keep: Type.Optional(
      Type.Array(Type.Number({ minimum: 0 }), {
        minItems: 1,
        description:
          'Epochs whose checkpoints are kept; 0 is the initialisation, 0.5 the nearest step to half an epoch (default: the last epoch).',
      }),
    ),
    seed: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    classifier: Type.Enum(['keep', 'new'], {
      default: 'keep',
      description:
        'Of a training that starts from a checkpoint. keep: the last layer too, where it fits; new: initialised from the seed.',
    }),
    resume: Type.Optional(
      Type.Boolean({
        description:
          'Of a training that starts from a checkpoint: it goes on where that one was, with what the optimiser remembers; epochs, schedule, order and changes of the images are counted on. With the same settings, the same bits as a training in one go.',
      }),
    ),
    init: Type.Enum([...initialisations], {
      default: 'pytorch',
      description:
        "pytorch: uniform ±1/√fan-in, nn.Linear's and nn.Conv2d's own; he: normal, variance 2/fan-in; he-fan-out: convolutions with variance 2/fan-out; glorot: uniform.",
    }),
    loss: lossSchema,
    batch: Type.Integer({ default: 128, minimum: 1, maximum: 65536 }),
    'micro-batch': Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65536,
        description:
          'Images computed at once, where a batch takes too much memory: the same gradient but for rounding. Not with batch norm.',
      }),
    ),
    ...optimisation,
    ...schedule,
    shuffle: Type.Boolean({ default: true, description: 'A new order of the images in each epoch.' }),
    augment: Type.Optional(
      Type.Object(
        {
          crop: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 64,
              description: 'Padded by so many black pixels, cut to size at a random place (default 4).',
            }),
          ),
          flip: Type.Optional(
            Type.Boolean({ description: 'Mirrored left to right one time in two (default true).' }),
          ),
        },
        {
          additionalProperties: false,
          description: 'Random changes of the training images; {} for the usual.',
        },
      ),
    ),
    'measure-every': Type.Integer({
      default: 1,
      minimum: 1,
      description: 'Epochs between measurements of loss and accuracy over both splits.',
    }),
  },
  { additionalProperties: false },
);

/** Epochs whose checkpoints are kept, ascending, each once. */
export function keptEpochs(params: { readonly keep?: readonly number[]; readonly epochs: number }): number[] {
  return [...new Set(params.keep ?? [params.epochs])].sort((a, b) => a - b);
}

export type TrainParameters = Static<typeof parameters>;
