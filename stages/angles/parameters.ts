import Type, { type Static } from 'typebox';
import { datasetSchema, splits } from '../../src/dataset/dataset.ts';

export const parameters = Type.Object(
  {
    samples: Type.Integer({
      default: 100,
      minimum: 0,
      maximum: 1_000_000,
      description: 'Gaussian directions: the members 0, 1, … of `directions` with the same seed.',
    }),
    seed: Type.Integer({
      default: 1,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Of the Gaussians and of the batches.',
    }),
    'one-dimensional': Type.Enum(['raw', 'zero'], {
      default: 'raw',
      description: 'Whether Gaussians have values for one-dimensional parameters (biases), or zeros.',
    }),
    gradients: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 1_000_000,
      description:
        'Negative gradients of so many batches, each against the Gaussian of its number and against every target.',
    }),
    examples: Type.Integer({
      default: 128,
      minimum: 1,
      description: 'Of a batch, drawn without replacement.',
    }),
    batch: Type.Integer({
      default: 512,
      minimum: 1,
      maximum: 65536,
      description: 'Examples computed at once. Memory, hardly the result, depends on it.',
    }),
    dataset: Type.Optional(datasetSchema),
    split: Type.Enum([...splits], { default: 'train' }),
  },
  { additionalProperties: false },
);

export type AngleParameters = Static<typeof parameters>;
