import Type, { type Static } from 'typebox';
import { datasetNamePattern, splits } from '../../src/dataset/dataset.ts';

export const directionKinds = ['gaussian', 'negative-gradient', 'difference'] as const;
export const scalings = ['none', 'norm', 'layer', 'filter', 'norm-of'] as const;
export const oneDimensionalRules = ['zero', 'scale', 'raw', 'copy'] as const;
export type Scaling = (typeof scalings)[number];
export type OneDimensionalRule = (typeof oneDimensionalRules)[number];

export const parameters = Type.Object(
  {
    kind: Type.Enum([...directionKinds], {
      description:
        'gaussian: standard normal; negative-gradient: of the mean loss at the model; difference: from the model to the checkpoint `to`.',
    }),
    seed: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Of gaussian.' }),
    ),
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Of gaussian: a folder of so many independent directions 0, 1, … instead of one file.',
      }),
    ),
    scaling: Type.Optional(
      Type.Enum([...scalings], {
        description:
          "To the model's norm: norm over the whole vector, layer tensor by tensor, filter unit by unit; norm-of: to the norm of the input `like`. Default: norm for gaussian, none for the others.",
      }),
    ),
    'one-dimensional': Type.Optional(
      Type.Enum([...oneDimensionalRules], {
        description:
          "What happens to one-dimensional parameters (biases): zero, scale like the rest, raw (left as drawn), copy (the model's own values). Default: zero for gaussian, scale for the others.",
      }),
    ),
    scale: Type.Number({ default: 1, description: 'A factor s on the whole direction.' }),
    dataset: Type.Optional(
      Type.String({
        pattern: datasetNamePattern,
        description: "Of negative-gradient: another data set than the model's own.",
      }),
    ),
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

/** The scaling and the rule for one-dimensional parameters, with each kind's defaults. */
export function scalingOf(params: DirectionParameters): {
  scaling: Scaling;
  oneDimensional: OneDimensionalRule;
} {
  const gaussian = params.kind === 'gaussian';
  return {
    scaling: params.scaling ?? (gaussian ? 'norm' : 'none'),
    oneDimensional: params['one-dimensional'] ?? (gaussian ? 'zero' : 'scale'),
  };
}
