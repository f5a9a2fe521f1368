import Type, { type Static } from 'typebox';
import { colourMaps } from '../../src/figure/figure.ts';

const range = Type.Array(Type.Number(), { minItems: 2, maxItems: 2 });

const panelParameters = Type.Object(
  {
    title: Type.Optional(
      Type.String({
        description: 'Instead of the category or the direction. Mathematics between dollar signs.',
      }),
    ),
    xlabel: Type.Optional(Type.String()),
    ylabel: Type.Optional(Type.String()),
    xrange: Type.Optional(range),
    yrange: Type.Optional(range),
    log: Type.Optional(Type.Boolean({ description: 'A logarithmic scale for the values.' })),
    legend: Type.Optional(Type.Boolean({ description: 'Whether the curves are named in the panel.' })),
    labels: Type.Optional(
      Type.Array(Type.String(), { description: 'Names of the curves for the legend, in their order.' }),
    ),
    metric: Type.Optional(Type.String({ description: 'Another metric than the figure has.' })),
  },
  { additionalProperties: false },
);

export const parameters = Type.Object(
  {
    title: Type.Optional(Type.String({ description: 'Above the figure.' })),
    caption: Type.Optional(Type.String({ description: 'Below the panels.' })),
    panels: Type.Array(panelParameters, {
      default: [],
      description: 'What differs from the defaults, panel by panel, in the order of the inputs.',
    }),
    metric: Type.String({
      default: 'loss',
      description: '`loss`, `accuracy`, or another that the curves have.',
    }),
    columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 12 })),
    width: Type.Union(
      [Type.Enum(['single-column', 'double-column']), Type.Number({ minimum: 1, maximum: 40 })],
      {
        default: 'double-column',
        description: 'single-column is 3.3 inches, double-column 6.9; a number is inches.',
      },
    ),
    height: Type.Optional(
      Type.Number({ minimum: 0.3, maximum: 20, description: "Height of a panel's frame in inches." }),
    ),
    dpi: Type.Integer({
      default: 200,
      minimum: 30,
      maximum: 1200,
      description: 'Pixels an inch of the PNG.',
    }),
    log: Type.Boolean({ default: false, description: 'A logarithmic scale for the values of all panels.' }),
    clip: Type.Union([Type.Enum(['auto', 'never']), Type.Number()], {
      default: 'auto',
      description:
        'Values above are cut off, and the panel says so. auto: 1.25 times the larger of log C and the loss of the ' +
        'perturbed model, but only where values exceed 50 times log C.',
    }),
    stationary: Type.Boolean({
      default: true,
      description: 'Whether titles end with the mean number of stationary points, in brackets.',
    }),
    colours: Type.Enum([...colourMaps], { default: 'viridis', description: 'Colour map of surfaces.' }),
  },
  { additionalProperties: false },
);

export type RenderParameters = Static<typeof parameters>;
