import type {
  Figure,
  LineMark,
  Mark,
  Panel,
  PlanePanel,
  RuleMark,
  Sample,
  SpacePanel,
  SurfaceMark,
} from '../../src/figure/figure.ts';

/** Descriptions that the snapshots draw, each with one difficulty. */

const steps = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

const x = steps(-1, 1, 41);
const model: RuleMark = { type: 'rule', axis: 'x', at: 0, role: 'model', label: 'perturbed model' };
const target: RuleMark = { type: 'rule', axis: 'x', at: 1, role: 'target', label: 'target model' };
const chance: RuleMark = { type: 'rule', axis: 'y', at: Math.log(10), role: 'level', label: 'log $C$' };

const curve = (
  y: readonly Sample[],
  style = 0,
  label = `curve ${style + 1}`,
  at: readonly number[] = x,
): LineMark => ({
  type: 'line',
  x: at,
  y,
  style,
  label,
});

function panel(title: string, marks: readonly Mark[], more: Partial<PlanePanel> = {}): PlanePanel {
  return {
    title,
    x: { label: '$λ$', scale: 'linear' },
    y: { label: 'loss', scale: 'linear' },
    legend: true,
    marks,
    ...more,
  };
}

const figure = (panels: readonly Panel[], more: Partial<Figure> = {}): Figure => ({
  width: 496.8,
  frame: { aspect: 0.75 },
  columns: 3,
  panels,
  ...more,
});

const log = { y: { label: 'loss', scale: 'log' } } as const;
const towards = steps(-1, 2, 61);
const plane = steps(-1, 1, 21);
const over = (f: (a: number, b: number) => Sample): Sample[] =>
  plane.flatMap((a) => plane.map((b) => f(a, b)));
const surface = (
  values: readonly Sample[],
  scale: 'linear' | 'log' = 'linear',
  form: SurfaceMark['form'] = 'filled',
): SurfaceMark => ({
  type: 'surface',
  form,
  x: plane,
  y: plane,
  values,
  scale,
  map: 'viridis',
  label: 'loss',
  points: [{ x: 0, y: 0, role: 'model', label: 'perturbed model' }],
});
const flat = {
  x: { label: '$λ_1$', scale: 'linear' },
  y: { label: '$λ_2$', scale: 'linear' },
  legend: false,
} as const;

const saddle = over((a, b) => 1.2 + 3 * b * b - a * a + 0.3 * a * b);
const bowl = over((a, b) => 0.02 + 400 * (b * b + 2 * a * a));
const waves = over((a, b) => Math.sin(4 * a) * Math.cos(3 * b));
const torn = over((a, b) => (a > 0.6 && b > 0.5 ? null : Math.sin(4 * a) * Math.cos(3 * b)));
const way: Mark = {
  type: 'path',
  x: steps(-0.8, 0.1, 12),
  y: steps(-0.8, 0.1, 12).map((t) => 0.5 * t * t - 0.6 + 0.1 * Math.sin(9 * t)),
  style: 5,
  label: 'trajectory',
};

const space = (
  title: string,
  values: readonly Sample[],
  more: Partial<SpacePanel['surface']> = {},
  panelMore: Partial<SpacePanel> = {},
): SpacePanel => ({
  kind: 'space',
  title,
  x: { label: '$λ_1$', scale: 'linear' },
  y: { label: '$λ_2$', scale: 'linear' },
  z: { label: 'loss', scale: 'linear' },
  view: { azimuth: -55, elevation: 28 },
  surface: {
    x: plane,
    y: plane,
    values,
    map: 'viridis',
    points: [{ x: 0, y: 0, role: 'model', label: 'perturbed model' }],
    ...more,
  },
  ...panelMore,
});

const bell = (mean: number, deviation: number, style: number, label: string): Mark => {
  const edges = steps(89.7, 90.3, 31);
  return {
    type: 'bars',
    from: edges.slice(0, -1),
    to: edges.slice(1),
    height: edges
      .slice(0, -1)
      .map((e) => Math.round(100 * Math.exp(-(((e + 0.01 - mean) / deviation) ** 2) / 2))),
    style,
    label,
  };
};
const names = [
  ...Array.from({ length: 10 }, (_, i) => `N.E.${i + 1}`),
  ...Array.from({ length: 10 }, (_, i) => `P.E.${10 - i}`),
];
const wide = steps(-5, 80, 400);
const spectrum = (t: number): number =>
  1e-7 +
  20 * Math.exp(-((t / 0.6) ** 2)) +
  0.01 * Math.exp(-(((t - 31) / 0.5) ** 2)) +
  0.004 * Math.exp(-(((t - 44) / 0.5) ** 2)) +
  0.002 * Math.exp(-(((t - 78) / 0.5) ** 2));

export const figures: Readonly<Record<string, Figure>> = {
  'three-categories': figure(
    [
      panel(
        'v-basin [1.0]',
        [
          model,
          chance,
          ...[2.2, 2.6, 3, 3.4, 3.8].map((k, i) =>
            curve(
              x.map((t) => 0.35 + 2.3 * (1 - Math.exp(-k * t * t)) * (1 + 0.04 * (i - 2) * t)),
              i,
            ),
          ),
        ],
        { legend: false },
      ),
      panel('v-side [0.0]', [
        model,
        chance,
        curve(
          x.map((t) => 2.1 - 1.3 * Math.tanh(0.9 * t)),
          0,
          '$-g$',
        ),
        curve(
          x.map((t) => 0.4 + 1.7 * Math.exp(-1.4 * (t + 0.1))),
          1,
          '$θ_{\\text{next}} - θ$',
        ),
      ]),
      panel('w-basin [3.0]', [
        model,
        target,
        chance,
        curve(
          towards.map((t) => 0.3 + 1.9 * Math.tanh(12 * (t * (t - 1)) ** 2) + 0.1 * t),
          0,
          "$θ' - θ$",
          towards,
        ),
      ]),
    ],
    {
      title: 'Three categories of curves',
      caption:
        'Loss along five Gaussian directions $ε_i$, down the gradient, and towards an independent solution $θ′$.',
      notes: ['Evaluated: mlp on cifar10-mini, train split, 2,048 images, epoch 10, engine wasm.'],
    },
  ),
  'log-scale': figure([
    panel('eight decades', [chance, curve(x.map((t) => 1e-4 + 1e4 * t ** 4))], log),
    panel('half a decade', [curve(x.map((t) => 1 + 2 * t * t))], log),
    panel('zero among the values', [model, curve(x.map((t) => Math.max(0, t ** 2 - 0.1)))], log),
  ]),
  'not-finite': figure(
    [
      panel('gaps', [
        curve(x.map((t, i) => (i < 5 || i === 20 || i === 22 ? null : 2 * t * t + 1))),
        curve(
          x.map((t, i) => (i > 36 ? null : 1 - t)),
          1,
        ),
      ]),
      panel('nothing finite', [model, curve(x.map(() => null))]),
    ],
    { columns: 2, width: 400 },
  ),
  'one-point': figure([panel('one point', [model, curve([0.7], 0, 'alone', [0])])], { width: 237.6 }),
  empty: figure([panel('no series', [])], { width: 237.6 }),
  'no-panels': figure([], { width: 237.6, title: 'Nothing to see' }),
  'huge-numbers': figure([
    panel('large', [chance, curve(x.map((t) => 3e12 * t * t))]),
    panel('small', [curve(x.map((t) => 1e-5 * t * t - 3e-6))]),
    panel('immense', [curve(x.map((t) => (t > 0 ? 1e307 : -1e307)))]),
  ]),
  'long-titles': figure(
    [
      panel('A title that says far more than a panel of this width has room for [12.4]', [curve(x)], {
        remark: 'clipped at 2.88',
      }),
      panel('Averylongwordthatcannotbebrokenatanyspacebecauseithasnone', [curve(x.map((t) => -t))], {
        y: { label: 'a label for the vertical axis that is longer than the axis itself', scale: 'linear' },
      }),
      panel('short', [curve(x.map((t) => t * t))], {
        x: { label: 'a label for the horizontal axis that is longer than the axis', scale: 'linear' },
      }),
    ],
    {
      title:
        'A heading for the whole figure that is so long that it needs more than a single line of the page to be set',
      caption: 'Costs 5 \\$ < 6 \\$ & "nothing" else; one $ alone stays.',
    },
  ),
  'many-curves': figure(
    [
      panel(
        'twelve',
        Array.from({ length: 12 }, (_, k) =>
          curve(
            x.map((t) => Math.abs(t) * (k + 1)),
            k,
          ),
        ),
      ),
      panel('the same colours mean others', [
        ...Array.from({ length: 12 }, (_, k) =>
          curve(
            x.map((t) => (12 - k) * (1 - Math.abs(t))),
            k,
            `direction ${k + 1}`,
          ),
        ),
      ]),
    ],
    { columns: 2, frame: { height: 90 } },
  ),
  surfaces: figure(
    [
      panel('N.E.×P.E.', [surface(over((a, b) => 1.2 + 3 * b * b - a * a + 0.3 * a * b))], flat),
      panel(
        'bowl, logarithmic',
        [
          surface(
            over((a, b) => 0.02 + 400 * (b * b + 2 * a * a)),
            'log',
          ),
        ],
        flat,
      ),
      panel(
        'holes',
        [surface(over((a, b) => (a > 0.6 && b > 0.5 ? null : Math.sin(4 * a) * Math.cos(3 * b))))],
        flat,
      ),
      panel('constant', [surface(over(() => 2.3))], flat),
      panel('nothing finite', [surface(over(() => null))], flat),
    ],
    { frame: { aspect: 1 } },
  ),
  'surface-forms': figure(
    [
      panel('saddle, filled', [surface(saddle)], flat),
      panel('saddle, lines with numbers', [surface(saddle, 'linear', 'contours')], flat),
      panel('saddle, a cell a sample', [surface(saddle, 'linear', 'heat')], flat),
      panel('bowl, logarithmic lines', [surface(bowl, 'log', 'contours')], flat),
      panel('waves, a trajectory over lines', [surface(waves, 'linear', 'contours'), way], {
        ...flat,
        legend: true,
      }),
      panel('holes, a trajectory over fills', [surface(torn), way], { ...flat, legend: true }),
    ],
    { frame: { aspect: 1 } },
  ),
  'surfaces-in-space': figure(
    [
      space('saddle', saddle),
      space('bowl, cut open', bowl, { cap: 300 }),
      space('bowl, logarithmic', bowl, {}, { z: { label: 'loss', scale: 'log' } }),
      space('waves from behind', waves, {}, { view: { azimuth: 130, elevation: 35 } }),
      space('holes', torn, {}, { view: { azimuth: -20, elevation: 20 } }),
      space(
        'constant, from above',
        over(() => 2.3),
        {},
        { view: { azimuth: -60, elevation: 75 } },
      ),
    ],
    { frame: { aspect: 0.86 } },
  ),
  'bars-and-histograms': figure([
    panel('angles', [bell(89.9, 0.05, 0, 'batch gradients'), bell(90.05, 0.06, 1, '$θ_f-θ$')], {
      x: { label: 'angle (degrees)', scale: 'linear' },
      y: { label: 'count', scale: 'linear' },
    }),
    panel(
      'cosines',
      [
        {
          type: 'bars',
          from: names.map((_, i) => i - 0.4),
          to: names.map((_, i) => i + 0.4),
          height: names.map((_, i) => 0.02 + 0.3 * Math.exp(-i / 3) + 0.1 * Math.exp((i - 19) / 2)),
          style: 0,
        },
      ],
      {
        x: { label: 'eigenvector', scale: 'linear', categories: names },
        y: { label: '|cosine|', scale: 'linear' },
        legend: false,
      },
    ),
    panel(
      'three bars',
      [
        {
          type: 'bars',
          from: [-0.35, 0.65, 1.65],
          to: [0.35, 1.35, 2.35],
          height: [2.2, -0.7, 1.3],
          style: 2,
        },
      ],
      { x: { label: '', scale: 'linear', categories: ['MLP', 'RN32', 'MV2'] }, legend: false },
    ),
  ]),
  densities: figure(
    [
      panel(
        'trace 512, [$λ_{\\text{min}}$ −3.1]',
        [
          { type: 'line', x: wide, y: wide.map(spectrum), style: 0 },
          { type: 'points', x: [31, 44, 78], y: [1, 1, 1], shape: 'tick', style: 5, label: 'Ritz values' },
        ],
        {
          x: { label: 'eigenvalue', scale: 'linear' },
          y: { label: 'density', scale: 'log' },
        },
      ),
      panel(
        'the curve and its parabolas',
        [
          model,
          curve(
            x.map((t) => 0.4 + 1.2 * t * t + 0.4 * Math.sin(5 * t)),
            0,
            'loss',
          ),
          {
            type: 'segments',
            style: 5,
            label: 'second order',
            // The last one is steep, and narrow.
            pieces: [-0.9, -0.6, -0.3, 0, 0.3, 0.6, 0.9].map((t) => {
              const reach = t === 0.9 ? 0.03 : 0.12;
              const at = steps(t - reach, t + reach, 13);
              const value = 0.4 + 1.2 * t * t + 0.4 * Math.sin(5 * t);
              const slope = 2.4 * t + 2 * Math.cos(5 * t);
              const bend = t === 0.9 ? 800 : 2.4 - 10 * Math.sin(5 * t);
              return { x: at, y: at.map((s) => value + slope * (s - t) + 0.5 * bend * (s - t) ** 2) };
            }),
          },
        ],
        { legend: true },
      ),
      panel('an inset', [model, curve(x.map((t) => 3 * t ** 4 + 0.02 * Math.sin(40 * t)))], {
        legend: false,
        inset: panel('', [model, curve(x.map((t) => 3 * t ** 4 + 0.02 * Math.sin(40 * t)))], {
          x: { label: '', scale: 'linear', domain: [-0.2, 0.2] },
          y: { label: '', scale: 'linear', domain: [-0.03, 0.04] },
        }),
      }),
    ],
    { notes: ['Evaluated: mlp.'] },
  ),
  grid: figure(
    [0, 1, 2, 3, 4, 5].map((k) =>
      panel('', [model, curve(x.map((t) => (k + 1) * t * t))], {
        legend: false,
        x: { label: '$λ$', scale: 'linear', numbered: k > 2 },
        y: { label: 'loss', scale: 'linear', domain: [0, 6], numbered: k % 3 === 0 },
      }),
    ),
    { columnTitles: ['$E=10$', '$E=50$', '$E=200$'], rowTitles: ['MLP', 'RN32'], width: 396 },
  ),
};
