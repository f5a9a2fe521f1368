import Type, { type Static } from 'typebox';

const formats = ['csv', 'npy', 'vtp', 'hdf5'] as const;
export type Format = (typeof formats)[number];

export const parameters = Type.Object(
  {
    formats: Type.Array(Type.Enum([...formats]), {
      default: ['csv'],
      minItems: 1,
      uniqueItems: true,
    }),
    metric: Type.String({ default: 'loss', description: 'Of vtp: the height of surfaces and lines.' }),
  },
  { additionalProperties: false },
);

export type ExportParameters = Static<typeof parameters>;
