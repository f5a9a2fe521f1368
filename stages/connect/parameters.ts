import Type, { type Static } from 'typebox';
import { descentParameters } from '../mine/parameters.ts';

export const parameters = Type.Object(
  {
    curve: Type.Enum(['bezier', 'polygon'], {
      default: 'bezier',
      description: 'bezier: of degree bends + 1; polygon: straight from bend to bend.',
    }),
    bends: Type.Integer({ default: 1, minimum: 1, maximum: 16, description: 'Points that are trained.' }),
    ...descentParameters,
    points: Type.Integer({
      default: 61,
      minimum: 2,
      maximum: 100_001,
      description: 'Of the curve that is evaluated, t from 0 to 1.',
    }),
  },
  { additionalProperties: false },
);

export type ConnectParameters = Static<typeof parameters>;
