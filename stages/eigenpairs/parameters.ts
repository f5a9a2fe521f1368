import Type, { type Static } from 'typebox';
import { datasetSchema, splits } from '../../src/dataset/dataset.ts';

/** Which Hessian: of the checkpoint's own loss (cross entropy, unless it was trained with another) over which examples. */
export const hessianParameters = {
  dataset: Type.Optional(datasetSchema),
  split: Type.Enum([...splits], { default: 'train' }),
  examples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Only the first so many (default: all).' }),
  ),
  batch: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65536,
      description:
        'Examples computed at once; memory, hardly the result, depends on it (default: 1000 of an mlp, otherwise what half of the memory allows).',
    }),
  ),
  memory: Type.Integer({
    default: 2048,
    minimum: 64,
    maximum: 1_000_000,
    description:
      'Megabytes for products: half for the examples computed at once, half for what is kept from product to product. More is faster.',
  }),
  seed: Type.Integer({
    default: 1,
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Of the start vectors.',
  }),
};

export const scalings = ['none', 'norm', 'layer', 'filter'] as const;

export const parameters = Type.Object(
  {
    largest: Type.Integer({
      default: 10,
      minimum: 0,
      maximum: 1000,
      description: 'How many of the largest eigenvalues (P.E.).',
    }),
    smallest: Type.Integer({
      default: 10,
      minimum: 0,
      maximum: 1000,
      description: 'How many of the smallest, the most negative (N.E.).',
    }),
    tolerance: Type.Number({
      default: 1e-4,
      minimum: 1e-6,
      maximum: 0.1,
      description: 'A pair is found when its residual ‖Hx - λx‖ is at most this times |λ|.',
    }),
    basis: Type.Integer({
      default: 60,
      minimum: 3,
      maximum: 5000,
      description:
        'Vectors held, 4 bytes a parameter each. More need fewer products; at least twice the number of pairs.',
    }),
    'max-products': Type.Integer({ default: 3000, minimum: 3, maximum: 1_000_000 }),
    scaling: Type.Enum([...scalings], {
      default: 'norm',
      description: "Of the directions, to the model's norm; none leaves them at length 1.",
    }),
    ...hessianParameters,
  },
  { additionalProperties: false },
);

export type EigenParameters = Static<typeof parameters>;
/** What both kinds that multiply with a Hessian need to know of it. */
export type HessianParameters = Pick<EigenParameters, keyof typeof hessianParameters>;
