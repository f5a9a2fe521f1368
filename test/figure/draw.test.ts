import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawFigure, figureScene } from '../../src/figure/draw.ts';
import type { Figure } from '../../src/figure/figure.ts';
import { svgToPdf } from '../../src/figure/pdf.ts';
import { svgToPng } from '../../src/figure/png.ts';
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

describe('pixels and pages', () => {
  const svg = drawFigure(figures['three-categories']!);

  it('a PNG has as many pixels as its width and resolution say, and the same bytes twice', () => {
    const png = svgToPng(svg, 150);
    expect(png.readUInt32BE(16)).toBe(Math.round(6.9 * 150));
    expect(svgToPng(svg, 150).equals(png)).toBe(true);
  });

  it('a PDF has one page of the size of the drawing, its fonts inside, and the same bytes twice', async () => {
    const pdf = await svgToPdf(svg, 'Three categories');
    const text = pdf.toString('latin1');
    const height = / height="([\d.]+)pt"/u.exec(svg)![1]!;
    expect(text).toContain(`/MediaBox [0 0 496.8 ${height}]`);
    expect(text.match(/\/FontFile2/gu)).toHaveLength(3);
    expect(text.match(/\/Type \/Page\b/gu)).toHaveLength(1);
    expect((await svgToPdf(svg, 'Three categories')).equals(pdf)).toBe(true);
  });

  it('surfaces, symbols and an empty page can be written as PNG and PDF too', async () => {
    for (const name of ['surfaces', 'not-finite', 'no-panels']) {
      const drawing = drawFigure(figures[name]!);
      expect(svgToPng(drawing, 40).length).toBeGreaterThan(100);
      expect((await svgToPdf(drawing, '')).length).toBeGreaterThan(500);
    }
  });
});
