import Type, { type Static } from 'typebox';
import { colourMaps } from '../../src/figure/figure.ts';
import { venueNames } from './venues.ts';

const range = Type.Array(Type.Number(), { minItems: 2, maxItems: 2 });
/** `name`, or one artifact of several: `name[2]`. */
const inputName = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]*(\\[[0-9]+\\])?$' });

/** How an input is drawn; left out, its type decides. */
export const plots = [
  'curves',
  'filled',
  'contours',
  'heat',
  'surface',
  'density',
  'histogram',
  'bars',
] as const;
export type Plot = (typeof plots)[number];

const panelParameters = Type.Object(
  {
    show: Type.Optional(
      Type.Array(inputName, {
        minItems: 1,
        description: 'The inputs in this panel, by name: several are drawn over each other.',
      }),
    ),
    each: Type.Optional(
      Type.Array(inputName, {
        minItems: 1,
        description:
          'Inputs of several artifacts: one panel with the first of each, one with the second, and so on.',
      }),
    ),
    frames: Type.Optional(
      Type.Array(inputName, {
        minItems: 1,
        description:
          'Inputs of several artifacts: one panel that shows the first of each, then the second, and so on.',
      }),
    ),
    plot: Type.Optional(
      Type.Enum([...plots], {
        description:
          'curves; filled, contours, heat or surface (in space) of values over a plane; density of a spectrum; histogram or bars of a table. Left out, what the input is decides.',
      }),
    ),
    values: Type.Optional(
      Type.String({
        description: 'Of histogram and bars: where the numbers stand in a table, `groups.0.degrees`.',
      }),
    ),
    order: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'Of bars, from left to right: which number of the table, counted from 1.',
      }),
    ),
    bins: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Of a histogram.' })),
    title: Type.Optional(
      Type.String({
        description: 'Instead of the category or the direction. Mathematics between dollar signs.',
      }),
    ),
    xlabel: Type.Optional(Type.String()),
    ylabel: Type.Optional(Type.String()),
    zlabel: Type.Optional(Type.String({ description: 'Of the colour bar, or of the upright axis.' })),
    xrange: Type.Optional(range),
    yrange: Type.Optional(range),
    zrange: Type.Optional(range),
    log: Type.Optional(Type.Boolean({ description: 'A logarithmic scale for the values.' })),
    'log-x': Type.Optional(Type.Boolean({ description: 'A logarithmic scale for the horizontal axis.' })),
    stretch: Type.Optional(
      Type.Record(Type.String(), Type.Number(), {
        description:
          'Input name to factor: the abscissae of its curves are multiplied by it, and the legend says so.',
      }),
    ),
    parabolas: Type.Optional(
      Type.Number({
        minimum: 0,
        description:
          'Of curves with slope and curvature: how far to each side of a sample its parabola is drawn at most (default 0.05; 0: not at all).',
      }),
    ),
    rules: Type.Optional(
      Type.Array(
        Type.Object(
          {
            at: Type.Number(),
            axis: Type.Enum(['x', 'y'], {
              default: 'x',
              description: 'On which axis `at` is measured: x gives an upright line.',
            }),
            role: Type.Enum(['target', 'level'], {
              default: 'level',
              description: 'target: in red, as a model; level: in grey, a value to compare with.',
            }),
            label: Type.String({ description: 'Its name, in the key or beside the frame.' }),
          },
          { additionalProperties: false },
        ),
        {
          description:
            'Dotted reference lines beside those at the models and at log C; not of surfaces in space.',
        },
      ),
    ),
    inset: Type.Optional(
      Type.Object(
        { xrange: range, yrange: range },
        { additionalProperties: false, description: 'A part of the panel, enlarged in a corner.' },
      ),
    ),
    view: Type.Optional(
      Type.Object(
        {
          azimuth: Type.Number({ minimum: -360, maximum: 360, default: -55 }),
          elevation: Type.Number({ minimum: 1, maximum: 90, default: 28 }),
        },
        { additionalProperties: false, description: 'Of a surface, in degrees: where the viewer stands.' },
      ),
    ),
    legend: Type.Optional(Type.Boolean({ description: 'Whether the curves are named in the panel.' })),
    labels: Type.Optional(
      Type.Union([Type.Array(Type.String()), Type.Record(Type.String(), Type.String())], {
        description:
          'Names for the legend: a list with one of each curve, in their order, or of inputs: `{ input: name }`.',
      }),
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
      description:
        'Panel by panel. With `show` or `each` the list says what is drawn; without, each artifact of the input `panels` has a panel and the list says what differs from the defaults.',
    }),
    plot: Type.Optional(Type.Enum([...plots], { description: 'Of all panels that do not say otherwise.' })),
    metric: Type.String({
      default: 'loss',
      description: '`loss`, `accuracy`, or another that the curves have.',
    }),
    columns: Type.Optional(Type.Integer({ minimum: 1, maximum: 12 })),
    'row-titles': Type.Optional(Type.Array(Type.String(), { description: 'Left of each row of panels.' })),
    'column-titles': Type.Optional(Type.Array(Type.String(), { description: 'Above each column.' })),
    'frame-titles': Type.Optional(
      Type.Array(Type.String(), { description: 'Of what panels with `frames` show one after the other.' }),
    ),
    share: Type.Enum(['none', 'rows', 'all'], {
      default: 'none',
      description:
        'Which panels have the same axes: rows share the scale of the values, all share that and the horizontal one. Numbers then stand at the outer panels only.',
    }),
    width: Type.Union([Type.Enum([...venueNames]), Type.Number({ minimum: 1, maximum: 40 })], {
      default: 'double-column',
      description: 'The width of a column or a page of a venue, or inches.',
    }),
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
export type PanelParameters = RenderParameters['panels'][number];
