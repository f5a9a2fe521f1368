import Type, { type Static } from 'typebox';
import { datasetSchema, splits } from '../../src/dataset/dataset.ts';
import { averages } from '../../src/network/network.ts';

const range = Type.Tuple([Type.Number(), Type.Number()]);
const count = Type.Integer({ minimum: 2, maximum: 100_001 });

export const parameters = Type.Object(
  {
    points: Type.Union([count, Type.Tuple([count, count])], {
      default: 41,
      description: 'Grid points on each axis; for surfaces also [x, y].',
    }),
    range: Type.Tuple([Type.Number(), Type.Number()], {
      default: [-1, 1],
      description: 'First and last λ of each axis.',
    }),
    ranges: Type.Optional(
      Type.Tuple([range, range], { description: 'Of surfaces: instead of range, [x, y].' }),
    ),
    scale: Type.Union([Type.Number(), Type.Tuple([Type.Number(), Type.Number()])], {
      default: 1,
      description: 'A factor s on λ: the model is θ + s·λ·direction. For surfaces also [x, y].',
    }),
    'weight-decay': Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description: 'Adds the metric objective: the loss + this/2·‖θ‖², all parameters counted.',
      }),
    ),
    dataset: Type.Optional(datasetSchema),
    split: Type.Enum([...splits], { default: 'train' }),
    examples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Only the first so many images (default: all).' }),
    ),
    batch: Type.Integer({
      default: 512,
      minimum: 1,
      maximum: 65536,
      description: 'Images computed at once.',
    }),
    statistics: Type.Optional(
      Type.Enum(['recalibrate', 'keep'], {
        description:
          "Of networks with batch norm: recalibrate its running statistics at every point (default), or keep the checkpoint's.",
      }),
    ),
    recalibration: Type.Optional(
      Type.Object(
        {
          average: Type.Optional(
            Type.Enum([...averages], {
              description:
                'Over batches: cumulative (default), ema with momentum 0.1, or full-batch: all as one.',
            }),
          ),
          examples: Type.Optional(
            Type.Integer({
              minimum: 2,
              description:
                'The first so many training images (default: as many as are evaluated, where there are).',
            }),
          ),
          batch: Type.Optional(
            Type.Integer({
              minimum: 2,
              maximum: 65536,
              description: 'Images a batch (default 128): decides the result, except under full-batch.',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'How statistics are recalibrated: one pass, from nothing.',
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export type EvaluateParameters = Static<typeof parameters>;
