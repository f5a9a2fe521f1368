import Type, { type Static } from 'typebox';
import { datasetSchema, splits } from '../../src/dataset/dataset.ts';

export const directionKinds = [
  'gaussian',
  'uniform',
  'negative-gradient',
  'difference',
  'combination',
  'principal',
] as const;
export const scalings = ['none', 'unit', 'norm', 'layer', 'filter', 'norm-of'] as const;
export const oneDimensionalRules = ['zero', 'scale', 'raw', 'copy'] as const;
export type Scaling = (typeof scalings)[number];
export type OneDimensionalRule = (typeof oneDimensionalRules)[number];

export const parameters = Type.Object(
  {
    kind: Type.Enum([...directionKinds], {
      description:
        'gaussian: standard normal; uniform: each value uniform in (0, 1); negative-gradient: of the mean loss at the model; difference: from the model to the checkpoint `to`; combination: a sum of the directions `of`, or one of them scaled anew; principal: principal components of the checkpoints `trajectory` as seen from the model.',
    }),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Of gaussian and uniform; of negative-gradient: `examples` are drawn with it instead of being the first, one batch a direction.',
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description:
          'Of those with a seed: a folder of so many independent directions 0, 1, … instead of one file. Of principal: how many components (default 2), a folder.',
      }),
    ),
    orthogonal: Type.Boolean({
      default: false,
      description: 'Each of the `count` directions is made orthogonal to those before it (Gram-Schmidt).',
    }),
    coefficients: Type.Optional(
      Type.Array(Type.Number(), {
        minItems: 1,
        description: 'Of combination: one factor for each direction `of`, in order (default: 1 each).',
      }),
    ),
    centred: Type.Optional(
      Type.Boolean({
        description:
          "Of principal: subtract the checkpoints' mean, as principal component analysis does (default), or look at them from the model.",
      }),
    ),
    scaling: Type.Optional(
      Type.Enum([...scalings], {
        description:
          "To the model's norm: norm over the whole vector, layer tensor by tensor, filter unit by unit; norm-of: to the norm of the input `like`; unit: to length 1. Default: norm for gaussian, unit for uniform, none for the others.",
      }),
    ),
    'one-dimensional': Type.Optional(
      Type.Enum([...oneDimensionalRules], {
        description:
          "What happens to one-dimensional parameters (biases): zero, scale like the rest, raw (left as drawn), copy (the model's own values). Default: zero for gaussian, scale for the others.",
      }),
    ),
    scale: Type.Number({ default: 1, description: 'A factor s on the whole direction.' }),
    dataset: Type.Optional(datasetSchema),
    split: Type.Optional(Type.Enum([...splits], { description: 'Of negative-gradient (default: train).' })),
    examples: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Of negative-gradient: only the first so many (default: all).',
      }),
    ),
    batch: Type.Integer({
      default: 512,
      minimum: 1,
      maximum: 65536,
      description:
        'Of negative-gradient: examples computed at once. Memory, hardly the result, depends on it.',
    }),
  },
  { additionalProperties: false },
);

export type DirectionParameters = Static<typeof parameters>;
export type DirectionKind = DirectionParameters['kind'];

const defaultScaling: Partial<Record<DirectionKind, Scaling>> = { gaussian: 'norm', uniform: 'unit' };

/** The scaling and the rule for one-dimensional parameters, with each kind's defaults. */
export function scalingOf(params: DirectionParameters): {
  scaling: Scaling;
  oneDimensional: OneDimensionalRule;
} {
  return {
    scaling: params.scaling ?? defaultScaling[params.kind] ?? 'none',
    oneDimensional: params['one-dimensional'] ?? (params.kind === 'gaussian' ? 'zero' : 'scale'),
  };
}

/** Members of the output folder, or undefined for a single file. */
export function membersOf(params: Pick<DirectionParameters, 'kind' | 'count'>): string[] | undefined {
  const count = params.count ?? (params.kind === 'principal' ? 2 : undefined);
  return count === undefined ? undefined : Array.from({ length: count }, (_, i) => String(i));
}
