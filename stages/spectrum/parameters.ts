import Type, { type Static } from 'typebox';
import { hessianParameters } from '../eigenpairs/parameters.ts';

export const parameters = Type.Object(
  {
    iterations: Type.Integer({
      default: 100,
      minimum: 1,
      maximum: 5000,
      description: 'Steps of Lanczos for each probe: products, and vectors held.',
    }),
    probes: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 1000,
      description: 'Random start vectors of the density.',
    }),
    points: Type.Integer({ default: 10_000, minimum: 2, maximum: 1_000_000, description: 'Of the grid.' }),
    variance: Type.Number({
      default: 1e-5,
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Of the Gaussian at each Ritz value, relative to the larger of 1 and the range.',
    }),
    'trace-probes': Type.Integer({
      default: 100,
      minimum: 0,
      maximum: 100_000,
      description:
        'Random vectors of the trace at most, a product each; 0 leaves trace and Frobenius norm out.',
    }),
    'trace-tolerance': Type.Number({
      default: 0.03,
      minimum: 0,
      maximum: 1,
      description:
        'The trace is done when its standard error is at most so much of it, after ten vectors or more.',
    }),
    ...hessianParameters,
  },
  { additionalProperties: false },
);

export type SpectrumParameters = Static<typeof parameters>;
