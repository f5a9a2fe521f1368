import { describe, expect, it } from 'vitest';
import { figureScene } from '../../../src/figure/draw.ts';
import type { BarsMark, Figure, LineMark, PlanePanel } from '../../../src/figure/figure.ts';
import { checkPanels } from '../../../stages/render/compose.ts';
import { describeFigure } from '../../../stages/render/describe.ts';
import { readSource, type Source } from '../../../stages/render/sources.ts';
import { collisions } from '../../figure/overlap.ts';
import { basin, curvesOf, double, parametersOf, side, sourceOf, steps, subject, surface } from './curves.ts';

const table = (input: string, value: object, place = 0): Source =>
  readSource(input, `${input}[${place}]`, JSON.stringify(value));
const figureOf = (sources: readonly Source[], given: object): Figure =>
  describeFigure(sources, [], parametersOf(given));
const planes = (figure: Figure): PlanePanel[] => figure.panels.filter((p) => p.kind !== 'space');

const angles = table('angles', {
  format: 'orograph-angles/1',
  groups: [
    { from: 'gaussian', to: 'negative-gradient', degrees: [89.9, 90, 90.05, 90.1, 89.95, 90.02] },
    { from: 'gaussian', to: 'final', degrees: [89.8, 90.2] },
  ],
  given: { x: ['mined'], targets: ['N.E.1', 'N.E.2', 'P.E.1'], cosines: [[-0.5, 0.25, 0.125]] },
  squaredNorms: [],
  best: null,
  subject,
});
const spectrum = table('spectrum', {
  format: 'orograph-spectrum/1',
  probes: [{ nodes: [-3.1427, 0, 40], weights: [0.1, 0.8, 0.1] }],
  grid: steps(-5, 45, 10_000),
  density: steps(-5, 45, 10_000).map((t) => Math.exp(-t * t)),
  trace: null,
  frobenius: null,
  products: 100,
  subject,
});
const path = table('way', {
  format: 'orograph-path/1',
  points: [0, 1, 2].map((epoch) => ({
    epoch,
    seed: 1,
    at: [epoch / 4, (2 - epoch) / 8],
    distance: 1,
    off: 0,
  })),
  model: { epoch: 2, seed: 1 },
  scale: 1,
});

describe('panels by the names of inputs', () => {
  it('draw several inputs over each other, one of them stretched, and say so', () => {
    const figure = figureOf(
      [
        sourceOf(curvesOf([-1, 0, 1], [(at) => at * at], 'gaussian'), 0, 'random'),
        sourceOf(curvesOf([-1, 0, 1], [(at) => 1 - at], 'negative-gradient'), 0, 'down'),
      ],
      { panels: [{ show: ['random', 'down'], stretch: { random: 0.1 } }] },
    );
    const lines = planes(figure)[0]!.marks.filter((m): m is LineMark => m.type === 'line');
    expect(lines.map(({ label }) => label)).toEqual(['Gaussian (λ × 0.1)', 'negative gradient']);
    expect(lines[0]!.x).toEqual([-0.1, 0, 0.1]);
    expect(figure.panels).toHaveLength(1);
  });

  it('make a panel for each place of several artifacts, and pick one by its number', () => {
    const sources = [0, 1, 2].flatMap((i) => [sourceOf(basin(), i, 'a'), sourceOf(side(), i, 'b')]);
    expect(figureOf(sources, { panels: [{ each: ['a', 'b'] }] }).panels).toHaveLength(3);
    const one = figureOf(sources, { panels: [{ show: ['a[1]', 'b'] }] });
    expect(planes(one)[0]!.marks.filter((m) => m.type === 'line')).toHaveLength(5 + 6);
    expect(() => figureOf(sources, { panels: [{ show: ['a[3]'] }] })).toThrow('there is no a[3]');
    const uneven = [...sources, sourceOf(double(), 0, 'c'), sourceOf(double(), 1, 'c')];
    expect(() => figureOf(uneven, { panels: [{ each: ['a', 'c'] }] })).toThrow('c has 2 artifacts');
  });

  it('show several artifacts one after the other, on one scale, the last where nothing moves', () => {
    const sources = [1, 2, 3].map((factor, i) => {
      const { axes, ...rest } = surface();
      const series = rest.series.map((one) => ({
        ...one,
        metrics: { ...one.metrics, loss: one.metrics.loss!.map((v) => v * factor) },
      }));
      return sourceOf({ ...rest, axes, series }, i, 'planes');
    });
    const panels = [
      { frames: ['planes'], plot: 'surface' },
      { frames: ['planes'], plot: 'filled' },
    ];
    const figure = figureOf(sources, { panels, 'frame-titles': ['one', 'two'] });
    expect(figure.frames!.map(({ title }) => title)).toEqual(['one', 'two', '3']);
    expect(figure.panels).toEqual(figure.frames![2]!.panels);
    const domains = figure.frames!.flatMap(({ panels: shown }) =>
      shown.map((p) =>
        p.kind === 'space' ? p.z.domain : p.marks.flatMap((m) => (m.type === 'surface' ? [m.domain] : []))[0],
      ),
    );
    expect(new Set(domains.map((d) => JSON.stringify(d))).size, 'one scale a panel').toBe(2);
    const values = figure.frames!.map(({ panels: [p] }) => (p!.kind === 'space' ? p!.surface.values : []));
    expect(values[2]).toEqual(values[0]!.map((v) => (v === null ? null : v * 3)));
    const uneven = [...sources, sourceOf(double(), 0, 'c'), sourceOf(double(), 1, 'c')];
    expect(() => figureOf(uneven, { panels: [...panels, { frames: ['c'] }] })).toThrow('c has 2 artifacts');
    const twice = { ...surface(), series: [...surface().series, ...surface().series] };
    const files = [sourceOf(surface(), 0, 'planes'), sourceOf(twice, 1, 'planes')];
    expect(() => figureOf(files, { panels })).toThrow('frame 2 has 4 panels where the first has 2');
  });

  it('have the category of each frame in their titles, and that of a panel that stands still in all', () => {
    const epochs = [basin(), side(), double()].map((curves, i) => sourceOf(curves, i, 'epochs'));
    const still = sourceOf(double(), 0, 'still');
    const rows = [...epochs, still].flatMap(({ data }, i) =>
      data.type === 'curves'
        ? data.curves.series.map(({ name }) => ({ name, category: ['a', 'b', 'c', 'd'][i]! }))
        : [],
    );
    const params = parametersOf({
      panels: [{ frames: ['epochs'] }, { show: ['still'] }],
      stationary: false,
    });
    const { frames } = describeFigure([...epochs, still], rows, params);
    expect(frames!.map(({ panels }) => panels.map(({ title }) => title))).toEqual([
      ['a', 'd'],
      ['b', 'd'],
      ['c', 'd'],
    ]);
    expect(() => describeFigure([...epochs, still], rows.slice(1), params)).toThrow('do not belong');
  });

  it('put bars in the order that is asked for, names and all', () => {
    const [panel] = planes(
      figureOf([angles], { panels: [{ show: ['angles'], plot: 'bars', order: [3, 1, 2] }] }),
    );
    const [bars] = panel!.marks.filter((m): m is BarsMark => m.type === 'bars');
    expect(bars!.height).toEqual([0.125, 0.5, 0.25]);
    expect(panel!.x.categories).toEqual(['P.E.1', 'N.E.1', 'N.E.2']);
    const beyond = { panels: [{ show: ['angles'], plot: 'bars', order: [1, 4] }] };
    expect(() => figureOf([angles], beyond)).toThrow('names place 4, but there are 3 numbers');
  });

  it('draw a trajectory over a plane, which then has a legend', () => {
    const [panel] = planes(
      figureOf([sourceOf(surface(), 0, 'plane'), path], {
        panels: [{ show: ['plane', 'way'], plot: 'contours' }],
      }),
    );
    expect(panel!.marks.map((m) => m.type)).toEqual(['surface', 'path']);
    expect(panel!.marks[1]).toMatchObject({ x: [0, 0.25, 0.5], y: [0.25, 0.125, 0] });
    expect(panel!.legend).toBe(true);
  });

  it('are refused before anything runs where an input is misspelt', () => {
    const params = parametersOf({
      panels: [{ show: ['gausian'] }, { title: 'alone' }, { show: ['down'], stretch: { dwn: 2 } }],
    });
    expect(checkPanels(params, ['gaussian', 'down'])).toEqual([
      { pointer: '/panels/0/show', message: 'the stage has no input "gausian": did you mean "gaussian"?' },
      {
        pointer: '/panels/1',
        message: 'says neither "show" nor "each" nor "frames", as the other panels do: it would be empty',
      },
      { pointer: '/panels/2/stretch', message: 'the stage has no input "dwn": did you mean "down"?' },
    ]);
  });

  it('are refused where an input stands in none, which would be left out in silence', () => {
    const problem = {
      pointer: '/panels',
      message: 'the input "curves" stands in no panel: name it in "show", "each" or "frames"',
    };
    expect(checkPanels(parametersOf({}), ['curves', 'categories'])).toEqual([problem]);
    expect(checkPanels(parametersOf({}), ['panels', 'categories'])).toEqual([]);
    const shows = parametersOf({ panels: [{ show: ['down[0]'] }, { each: ['panels'] }] });
    expect(checkPanels(shows, ['down', 'panels', 'curves'])).toEqual([problem]);
    expect(checkPanels(shows, ['down', 'panels'])).toEqual([]);
  });
});

describe('what an input is', () => {
  it('decides how it is drawn', () => {
    const figure = figureOf(
      [
        sourceOf(basin()),
        sourceOf(surface(), 1),
        ...[spectrum, angles].map((s) => ({ ...s, input: 'panels' })),
      ],
      {},
    );
    expect(planes(figure).map((panel) => panel.marks.at(-1)!.type)).toEqual([
      'line',
      'surface',
      'line',
      'bars',
    ]);
    expect(collisions(figureScene(figure))).toEqual([]);
    expect(figureOf([sourceOf(surface())], { plot: 'surface' }).panels[0]!.kind).toBe('space');
  });

  it('counts angles in bins that hold all of them', () => {
    const [panel] = planes(figureOf([{ ...angles, input: 'panels' }], {}));
    const bars = panel!.marks.filter((m): m is BarsMark => m.type === 'bars');
    expect(bars.map(({ height }) => height.reduce<number>((a, b) => a + b!, 0))).toEqual([6, 2]);
    expect(bars[0]!.from).toEqual(bars[1]!.from);
    expect(bars[0]!.to.slice(0, -1)).toEqual(bars[0]!.from.slice(1));
  });

  it('draws cosines as bars of their sizes, with the names of the targets', () => {
    const [panel] = planes(figureOf([angles], { panels: [{ show: ['angles'], plot: 'bars' }] }));
    expect(panel!.x.categories).toEqual(['N.E.1', 'N.E.2', 'P.E.1']);
    expect((panel!.marks[0] as BarsMark).height).toEqual([0.5, 0.25, 0.125]);
  });

  it('keeps the extremes of a density of 10,000 points, above its floor, and brackets the smallest Ritz value', () => {
    const [panel] = planes(figureOf([{ ...spectrum, input: 'panels' }], { panels: [{ title: 'MLP' }] }));
    const line = panel!.marks.find((m): m is LineMark => m.type === 'line')!;
    expect(panel!.title).toBe('MLP [−3.14]');
    expect(line.x.length).toBeLessThan(1600);
    expect(Math.max(...line.y.map((v) => v!))).toBeCloseTo(1, 4);
    expect(Math.min(...line.y.map((v) => v!))).toBe(1e-7);
  });

  it('gives numbers of any table by their place, and says what there is where there are none', () => {
    const own = table('own', { rows: [{ loss: [1, 2, 2, 3] }] });
    const draw = (values: string): Figure =>
      figureOf([own], { panels: [{ show: ['own'], plot: 'histogram', values }] });
    expect(planes(draw('rows.0.loss'))[0]!.marks).toHaveLength(1);
    expect(planes(draw('rows.0.loss'))[0]!.y.whole).toBe(true);
    expect(() => draw('rows.0.los')).toThrow('there is no "los"');
    expect(() => figureOf([own], { panels: [{ show: ['own'], plot: 'density' }] })).toThrow(
      'own[0] cannot be drawn as density',
    );
  });

  it('draws a list and nothing else without being told where its numbers stand', () => {
    const list = table('own', [1, 2, 2, 3]);
    for (const [plot, heights] of [
      ['histogram', [1, 0, 2, 0, 1]],
      ['bars', [1, 2, 2, 3]],
    ] as const) {
      const [panel] = planes(figureOf([list], { panels: [{ show: ['own'], plot, bins: 4 }] }));
      expect((panel!.marks[0] as BarsMark).height, plot).toEqual(heights);
    }
    expect(() => figureOf([table('own', ['a'])], { panels: [{ show: ['own'] }] })).toThrow(
      'own[0] has no numbers: what stands there is no list of numbers',
    );
  });

  it.each<[string, number[], number, number[], number[]]>([
    ['few bins', [0.1, 0.3, 0.6, 0.9], 1, [0, 0.5, 1], [2, 2]],
    ['few bins of large numbers', [10, 30, 60, 90], 2, [0, 50, 100], [2, 2]],
    ['equal values', [7, 7], 8, [6.5, 7.5], [2]],
    ['equal values whose neighbours are more than 1 away', [2 ** 60, 2 ** 60], 8, [], [2]],
    ['values that differ by their last bit', [1, 1 + 2 ** -52], 1000, [0.5, 1.5 + 2 ** -52], [2]],
    ['decimals', [0.1, 0.3, 0.65], 3, [0, 0.2, 0.4, 0.6, 0.8], [1, 1, 0, 1]],
  ])('counts every number of %s', (_, numbers, bins, edges, counts) => {
    const panels = [{ show: ['own'], values: 'list', bins }];
    const [panel] = planes(figureOf([table('own', { list: numbers })], { panels }));
    const { from, to, height } = panel!.marks[0] as BarsMark;
    expect(height).toEqual(counts);
    if (edges.length > 0) expect([...from, to.at(-1)]).toEqual(edges);
    for (const [i, at] of from.entries()) expect(to[i]).toBeGreaterThan(at);
  });

  it('leaves a gap among bars where a number is missing', () => {
    const own = table('own', { heights: [5, null, 3] });
    const [panel] = planes(figureOf([own], { panels: [{ show: ['own'], plot: 'bars', values: 'heights' }] }));
    expect(panel!.x.categories).toEqual(['1', '2', '3']);
    expect((panel!.marks[0] as BarsMark).height).toEqual([5, null, 3]);
  });

  it('puts bars of several tables at their names, each eigenvalue at its own', () => {
    const pairs = (smallest: number[], largest: number[], place: number): Source =>
      table(
        'eigen',
        {
          format: 'orograph-eigenvalues/1',
          smallest: smallest.map((value) => ({ value, residual: 0 })),
          largest: largest.map((value) => ({ value, residual: 0 })),
        },
        place,
      );
    const sources = [pairs([], [7, 6], 0), pairs([-2, -1], [10, 9, 8], 1)];
    const [panel] = planes(figureOf(sources, { panels: [{ show: ['eigen'] }] }));
    expect(panel!.x.categories).toEqual(['N.E.1', 'N.E.2', 'P.E.3', 'P.E.2', 'P.E.1']);
    expect(panel!.marks.map((m) => (m as BarsMark).height)).toEqual([
      [null, null, null, 6, 7],
      [-2, -1, 8, 9, 10],
    ]);
    const cosines = (targets: string[], row: number[], place: number): Source =>
      table(
        'angles',
        { format: 'orograph-angles/1', groups: [], given: { x: ['mined'], targets, cosines: [row] } },
        place,
      );
    const [both] = planes(
      figureOf([cosines(['a', 'b', 'a'], [0.1, 0.2, 0.3], 0), cosines(['c', 'a'], [0.4, 0.5], 1)], {
        panels: [{ show: ['angles'] }],
      }),
    );
    expect(both!.x.categories).toEqual(['a', 'b', 'a', 'c']);
    expect((both!.marks[1] as BarsMark).height).toEqual([0.5, null, null, 0.4]);
    expect(both!.y.label).toBe('|cosine|');
  });

  it('adds the parabolas of a curve whose slope and curvature are known', () => {
    const curves = curvesOf([0, 1], [(at) => at * at], 'difference');
    const known = {
      ...curves,
      series: curves.series.map((s) => ({
        ...s,
        metrics: { ...s.metrics, slope: [0, 2], curvature: [2, 2] },
      })),
    };
    const [panel] = planes(figureOf([sourceOf(known)], {}));
    const segments = panel!.marks.find((m) => m.type === 'segments')!;
    for (const { x, y } of segments.pieces)
      x.forEach((at, i) => {
        expect(y[i]).toBeCloseTo(at * at, 12);
      });
    expect(segments.pieces[1]!.x[0]).toBeCloseTo(0.95, 12);
  });

  describe('of steep parabolas', () => {
    const curves = curvesOf([0, 1], [(at) => at], 'difference');
    const steep = curves.series.map((s) => ({
      ...s,
      metrics: { ...s.metrics, loss: [0.5, 1.5], slope: [1, -40], curvature: [1e6, 1000] },
    }));
    const drawn = (given: object) => {
      const [panel] = planes(figureOf([sourceOf({ ...curves, classes: null, series: steep })], given));
      return { panel: panel!, segments: panel!.marks.find((m) => m.type === 'segments')! };
    };

    it('draws what keeps near their samples: no neighbour is hidden, and the frame is the curve’s', () => {
      const { panel, segments } = drawn({});
      const share = 0.15 * (1.5 - 0.5);
      const [first, second] = segments.pieces;
      // Nearly symmetric: ½ · 10⁶ d² = 0.15, but for the slope of 1.
      for (const end of [0, 12]) {
        expect(first!.y[end]! - 0.5).toBeCloseTo(share, 9);
        expect(Math.abs(first!.x[end]!)).toBeCloseTo(Math.sqrt(0.3e-6), 5);
      }
      // It falls to the right by 0.8 in the end, and is cut at 0.15 on its way down; up on the other side, too.
      expect(second!.y[12]! - 1.5).toBeCloseTo(-share, 9);
      expect(second!.y[0]! - 1.5).toBeCloseTo(share, 9);
      second!.x.forEach((x, i) => {
        const d = x - 1;
        expect(second!.y[i]).toBeCloseTo(1.5 - 40 * d + 500 * d * d, 9);
      });
      const [low, high] = panel.y.domain!;
      expect([low < 0.5 && low > 0, high > 1.5 && high < 2]).toEqual([true, true]);
    });

    it('draws them in full on a logarithmic scale, where they leave the frame', () => {
      const { panel, segments } = drawn({ log: true });
      expect(Math.max(...segments.pieces[0]!.y.map((v) => v!))).toBeGreaterThan(1000);
      expect(panel.y.domain![1]).toBeLessThan(2);
    });
  });
});

describe('shared axes', () => {
  it('give a row one scale of values, with numbers at the left alone', () => {
    const low = curvesOf([-1, 0, 1], [(at) => at * at], 'gaussian');
    const high = curvesOf([-2, 0, 2], [(at) => 4 * at * at], 'gaussian');
    const [a, b] = planes(
      figureOf([sourceOf(low), sourceOf(high, 1)], { share: 'rows', columns: 2, clip: 'never' }),
    );
    expect(a!.y.domain).toEqual(b!.y.domain);
    expect(a!.y.domain![1]).toBeGreaterThan(16);
    expect([a!.y.numbered, b!.y.numbered]).toEqual([true, false]);
    expect(a!.x.domain).toBeUndefined();
    const all = planes(figureOf([sourceOf(low), sourceOf(high, 1)], { share: 'all', columns: 2 }));
    expect(all[0]!.x.domain).toEqual(all[1]!.x.domain);
  });

  it('are those of panels with the same kind of scale: others have intervals and numbers of their own', () => {
    const sources = [sourceOf(basin(), 0, 'a'), sourceOf(surface(), 0, 'plane')];
    const own = { show: ['a'], yrange: [-1, 3] };
    const panels = [{ show: ['a'], log: true }, own, { show: ['a'] }, { show: ['plane'] }, own, own];
    for (const share of ['rows', 'all']) {
      const shared = planes(figureOf(sources, { panels, share, columns: 3 }));
      expect(shared[0]!.y.domain![0], share).toBeGreaterThan(0.3);
      expect(shared.slice(1, 3).map(({ y }) => y.domain)).toEqual([own.yrange, own.yrange]);
      expect(shared.map(({ y }) => y.numbered)).toEqual([true, true, false, undefined, true, false]);
    }
    const depths = [true, false].map((log) => ({ show: ['plane'], plot: 'surface', log, zrange: [1, 9] }));
    const space = figureOf(sources, {
      panels: [...depths, { ...depths[1], zrange: [-9, 9] }],
      share: 'all',
    });
    expect(space.panels.map((p) => p.kind === 'space' && p.z.domain)).toEqual([
      [1, 9],
      [-9, 9],
      [-9, 9],
    ]);
  });
});

describe('the note on batch norm', () => {
  it('says whether statistics were recalibrated, and how', () => {
    const curves = {
      ...basin(),
      subject: {
        ...subject,
        statistics: 'recalibrated',
        recalibration: { average: 'cumulative', examples: 2048, batch: 128 },
        'multiply-adds': 12,
      },
    };
    const [note] = figureOf([sourceOf(curves)], {}).notes!;
    expect(note).toContain(
      'batch-norm statistics recalibrated at each point (cumulative, on as many images, batches of 128)',
    );
    expect(note).not.toContain('multiply');
  });
});
