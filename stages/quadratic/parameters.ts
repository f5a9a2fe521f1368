import Type, { type Static } from 'typebox';
import { datasetSchema, splits } from '../../src/dataset/dataset.ts';
import { parameters as evaluateParameters } from '../evaluate/parameters.ts';

const { statistics, recalibration } = evaluateParameters.properties;

export const parameters = Type.Object(
  {
    kind: Type.Enum(['curve', 'distribution'], {
      description:
        'curve: loss, slope and curvature at points along directions; distribution: of the change of the loss under Gaussian steps, to second order.',
    }),
    points: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 100_001, description: 'Of curve: λ on the axis (default 11).' }),
    ),
    range: Type.Tuple([Type.Number(), Type.Number()], {
      default: [-1, 1],
      description: 'Of curve: first and last λ.',
    }),
    scale: Type.Number({
      default: 1,
      description: 'Of curve: a factor s on λ: the model is θ + s·λ·direction.',
    }),
    samples: Type.Integer({
      default: 100,
      minimum: 2,
      maximum: 1_000_000,
      description: 'Of distribution: Gaussians, one product with the Hessian each.',
    }),
    seed: Type.Integer({
      default: 1,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Of distribution.',
    }),
    deviation: Type.Number({
      default: 1,
      exclusiveMinimum: 0,
      maximum: 1e6,
      description: 'Of distribution: σ of each value of a Gaussian.',
    }),
    lambdas: Type.Array(Type.Number(), {
      default: [0.001, 0.01],
      minItems: 1,
      maxItems: 100,
      description: 'Of distribution: the steps are λε.',
    }),
    dataset: Type.Optional(datasetSchema),
    split: Type.Enum([...splits], { default: 'train' }),
    examples: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Only the first so many (default: all).' }),
    ),
    batch: Type.Integer({
      default: 1000,
      minimum: 1,
      maximum: 65536,
      description: 'Examples computed at once. Memory, hardly the result, depends on it.',
    }),
    statistics,
    recalibration,
  },
  { additionalProperties: false },
);

export type QuadraticParameters = Static<typeof parameters>;
