import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawFigure, figureScene } from '../../src/figure/draw.ts';
import type { Figure, PlanePanel } from '../../src/figure/figure.ts';
import { sceneToPdf } from '../../src/figure/pdf.ts';
import { svgToPng } from '../../src/figure/png.ts';
import type { Item } from '../../src/figure/scene.ts';
import { sceneToSvg } from '../../src/figure/svg.ts';
import { figures } from './figures.ts';
import { collisions } from './overlap.ts';
import { expectFigure } from './snapshot.ts';

/** The first thing in path data and places that is no plain decimal number. */
const badNumber = (svg: string): string | undefined =>
  [...svg.matchAll(/ (?:d|x|y|dy|transform|viewBox)="([^"]*)"/gu)]
    .map((match) => match[1]!)
    .find((value) => /NaN|Infinity|undefined|\de/u.test(value));

describe.each(Object.entries(figures))('the figure %s', (name, figure) => {
  it('is drawn as it was when it was last looked at', () => {
    expectFigure(name, drawFigure(figure));
  });

  it('has no text on another text or off the page', () => {
    expect(collisions(figureScene(figure))).toEqual([]);
  });

  it('says the same after its description went through JSON', () => {
    expect(drawFigure(JSON.parse(JSON.stringify(figure)) as Figure)).toBe(drawFigure(figure));
  });

  it('holds no number that a reader of SVG would refuse', () => {
    expect(badNumber(drawFigure(figure))).toBeUndefined();
  });
});

describe('words', () => {
  it('stay whole in the headings, titles and labels of narrow panels, and the page keeps its width', () => {
    const panel = (title: string, x: string, y: string): PlanePanel => ({
      title,
      x: { label: x, scale: 'linear' },
      y: { label: y, scale: 'linear' },
      legend: false,
      marks: [{ type: 'line', x: [0, 1], y: [0, 1], style: 0 }],
    });
    const words = ['Gaussian', 'eigenvalues', 'regularisation', 'eigenvalue'];
    const scene = figureScene({
      width: 396,
      frame: { aspect: 1 },
      columns: 4,
      columnTitles: words,
      panels: words.map((word, i) => panel(words[3 - i]!, word, words[(i + 2) % 4]!)),
    });
    const said = sceneToSvg(scene);
    for (const word of words) expect(said.split(`>${word}<`).length - 1, word).toBe(4);
    expect(collisions(scene)).toEqual([]);
    expect(scene.width).toBe(396);
  });
});

describe('the key of a figure', () => {
  it('names the panel whose strokes it explains where curves of another look alike and have no names', () => {
    const line = (label?: string) => ({
      type: 'line' as const,
      x: [0, 1],
      y: [0, 1],
      style: 0,
      ...(label && { label }),
    });
    const panel = (title: string, label: string | undefined): PlanePanel => ({
      title,
      x: { label: '', scale: 'linear' },
      y: { label: '', scale: 'linear' },
      legend: label === undefined ? false : 'key',
      marks: [line(label)],
    });
    const texts = (panels: readonly PlanePanel[]): string[] =>
      [
        ...drawFigure({ width: 300, frame: { aspect: 1 }, columns: 2, panels }).matchAll(
          /<text[^>]*>([^<]*)</gu,
        ),
      ].map(([, text]) => text!);
    const count = (list: readonly string[], text: string): number => list.filter((t) => t === text).length;
    const mixed = texts([panel('left', 'training images'), panel('right', undefined)]);
    expect([count(mixed, 'training images'), count(mixed, 'left')]).toEqual([1, 2]);
    const alike = texts([panel('left', 'training images'), panel('right', 'training images')]);
    expect([count(alike, 'training images'), count(alike, 'left')]).toEqual([1, 1]);
  });
});

describe('an inset', () => {
  it('leaves the names of levels to the frame that it stands in', () => {
    const panel: PlanePanel = {
      x: { label: 'λ', scale: 'linear' },
      y: { label: 'loss', scale: 'linear' },
      legend: false,
      marks: [
        { type: 'rule', axis: 'y', at: 0.5, role: 'level', label: 'level' },
        { type: 'line', x: [0, 1], y: [0, 1], style: 0 },
      ],
    };
    const drawn = drawFigure({
      width: 300,
      frame: { aspect: 1 },
      columns: 1,
      panels: [{ ...panel, inset: panel }],
    });
    expect(drawn.match(/>level</gu)).toHaveLength(1);
    // The line itself stands in both.
    expect(drawn.match(/stroke="#555555"/gu)).toHaveLength(2);
  });
});

describe('headings of rows', () => {
  it('are whole however low the frames are, beside each other and clear of the frames', () => {
    const grid = {
      ...figures.grid!,
      rowTitles: ['narrow MV2, positive ends', 'MLP'],
      frame: { height: 40 },
    };
    const scene = figureScene(grid);
    expect(collisions(scene)).toEqual([]);
    const words = (items: readonly Item[]): string[] =>
      items.flatMap((item) =>
        item.type === 'group' ? words(item.items) : item.type === 'text' && item.bold ? [item.text] : [],
      );
    const drawn = words(scene.items).join(' ');
    for (const word of ['narrow', 'MV2,', 'positive', 'ends', 'MLP']) expect(drawn).toContain(word);
  });
});

describe('any figure', () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const line = fc.array(
    fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  const scaled = fc
    .tuple(line, fc.integer({ min: -12, max: 12 }), value)
    .map(([list, power, offset]) => list.map((v) => (v === null ? null : offset + v * 10 ** power)));
  const panel = fc.record({
    lines: fc.array(scaled, { maxLength: 3 }),
    log: fc.boolean(),
    legend: fc.boolean(),
    title: fc.constantFrom(
      '',
      'v-basin [1.0]',
      'curves towards an independent solution of another seed [3.4]',
    ),
    level: fc.boolean(),
  });
  const shape = fc.record({
    panels: fc.array(panel, { minLength: 1, maxLength: 6 }),
    columns: fc.integer({ min: 1, max: 3 }),
    aspect: fc.double({ min: 0.6, max: 1.2, noNaN: true }),
  });

  it('keeps its texts apart and on the page', () => {
    fc.assert(
      fc.property(shape, ({ panels, columns, aspect }) => {
        const figure: Figure = {
          width: 496.8,
          frame: { aspect },
          columns,
          notes: ['Evaluated: mlp.'],
          panels: panels.map(({ lines, log, legend, title, level }) => ({
            title,
            legend,
            x: { label: '$λ$', scale: 'linear' },
            y: { label: 'loss', scale: log ? 'log' : 'linear' },
            marks: [
              ...(level
                ? [{ type: 'rule', axis: 'y', at: Math.LN10, role: 'level', label: 'log $C$' } as const]
                : []),
              ...lines.map((y, style) => ({
                type: 'line' as const,
                x: y.map((_, i) => i),
                y,
                style,
                label: `curve ${style}`,
              })),
            ],
          })),
        };
        expect(collisions(figureScene(figure))).toEqual([]);
        expect(badNumber(drawFigure(figure))).toBeUndefined();
      }),
      { seed: 2, numRuns: 60 },
    );
  });
});

/** The operators of a PDF's only page. */
function contentOf(pdf: Buffer): string {
  const streams = [...pdf.toString('latin1').matchAll(/\/Length (\d+)[^>]*>>\s*stream\n/gu)];
  return streams
    .map(({ index, 0: head, 1: length }) =>
      pdf.subarray(index + head.length, index + head.length + Number(length)),
    )
    .map((bytes) => inflateSync(bytes).toString('latin1'))
    .find((text) => text.includes(' cm\n'))!;
}

const itemsIn = (items: readonly Item[]): Item[] =>
  items.flatMap((item) => (item.type === 'group' ? [item, ...itemsIn(item.items)] : [item]));

/** As the page writes numbers. */
const decimals = (value: number): string => String(Math.round(value * 1e6) / 1e6);

describe('pixels and pages', () => {
  const scene = figureScene(figures['three-categories']!);
  const svg = sceneToSvg(scene);

  it('a PNG has as many pixels as its width and resolution say, and the same bytes twice', async () => {
    const png = await svgToPng(svg, 150);
    expect(png.readUInt32BE(16)).toBe(Math.round(6.9 * 150));
    expect((await svgToPng(svg, 150)).equals(png)).toBe(true);
  });

  it('a PDF has one page of the size of the drawing, its fonts inside, and the same bytes twice', async () => {
    const pdf = await sceneToPdf(scene);
    const text = pdf.toString('latin1');
    expect(text).toContain(`/MediaBox [0 0 496.8 ${scene.height}]`);
    expect(text.match(/\/FontFile2/gu)).toHaveLength(3);
    expect(text.match(/\/Type \/Page\b/gu)).toHaveLength(1);
    expect((await sceneToPdf(scene)).equals(pdf)).toBe(true);
  });

  it('surfaces, symbols and an empty page can be written as PNG and PDF too', async () => {
    for (const name of ['surfaces', 'not-finite', 'no-panels']) {
      const drawing = figureScene(figures[name]!);
      expect((await svgToPng(sceneToSvg(drawing), 40)).length).toBeGreaterThan(100);
      expect((await sceneToPdf(drawing)).length).toBeGreaterThan(500);
    }
  });

  it.each(['surfaces', 'surfaces-in-space', 'three-categories', 'bars-and-histograms'])(
    'each fill, stroke, text and clip of the drawing %s stands in its PDF, at the same place',
    async (name) => {
      const drawing = figureScene(figures[name]!);
      const page = contentOf(await sceneToPdf(drawing));
      const count = (operator: string): number =>
        page.split('\n').filter((row) => row === operator || row.endsWith(` ${operator}`)).length;
      const all = itemsIn(drawing.items);
      const paths = all.filter((item) => item.type === 'path');
      const painted = (fill: boolean, stroke: boolean): number =>
        paths.filter((p) => (p.fill !== undefined) === fill && (p.stroke !== undefined) === stroke).length;
      // One fill more: the paper.
      expect(count('f')).toBe(painted(true, false) + 1);
      expect(count('S')).toBe(painted(false, true));
      expect(count('B')).toBe(painted(true, true));
      expect(count('W n')).toBe(all.filter((item) => item.type === 'group' && item.clip).length);
      const texts = all.filter((item) => item.type === 'text');
      expect(texts.length).toBeGreaterThan(5);
      for (const { x, y } of texts) expect(page).toContain(`1 0 0 1 ${decimals(x)} ${decimals(y)} cm`);
      const starts = paths.flatMap(({ d }) => [...d.matchAll(/M(-?[\d.]+) (-?[\d.]+)/gu)]);
      const moves = new Set(page.split('\n').filter((row) => row.endsWith(' m')));
      expect(starts.filter(([, x, y]) => !moves.has(`${Number(x)} ${Number(y)} m`))).toEqual([]);
    },
  );
});
