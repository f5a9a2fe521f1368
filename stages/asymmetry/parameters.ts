import Type, { type Static } from 'typebox';

export const parameters = Type.Object(
  {
    bottom: Type.Enum(['lowest', 'model'], {
      default: 'lowest',
      description: 'Where the sides begin: at the sample of the smallest loss, or at the model (λ = 0).',
    }),
    from: Type.Number({
      default: 0,
      minimum: 0,
      description: 'ζ: slopes count from this distance on, because at the bottom they are 0 on both sides.',
    }),
    to: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'r: up to this distance (default: as far as both sides of the curve go).',
      }),
    ),
    shift: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'By how much the landscape is shifted to either side (default: half of r).',
      }),
    ),
  },
  { additionalProperties: false },
);

export type AsymmetryParameters = Static<typeof parameters>;
