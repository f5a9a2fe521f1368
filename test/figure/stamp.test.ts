import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawFigure, figureScene, layOut } from '../../src/figure/draw.ts';
import { figureToHtml } from '../../src/figure/interactive/html.ts';
import { sceneToPdf } from '../../src/figure/pdf.ts';
import { svgToPng } from '../../src/figure/png.ts';
import { stampable } from '../../src/figure/stamp/extensions.ts';
import { stamped, stampOf } from '../../src/figure/stamp/stamp.ts';
import { figures } from './figures.ts';

const figure = figures['one-point']!;
const svg = drawFigure(figure);
const files: Record<(typeof stampable)[number], Buffer> = {
  '.svg': Buffer.from(svg),
  '.png': await svgToPng(svg, 60),
  '.pdf': await sceneToPdf(figureScene(figure)),
  '.html': Buffer.from(figureToHtml(figure, layOut(figure), svg)),
};

const texts = fc
  .anything({ withNullPrototype: false, withObjectString: true })
  .map((value) => JSON.stringify({ value, λ: '</script><b>&amp;"\u2028' }))
  .filter((text) => text !== undefined);

describe.each(stampable)('a text in a file %s', (extension) => {
  const file = files[extension];

  it('comes out as it went in, whatever it holds', () => {
    fc.assert(
      fc.property(texts, (text) => {
        // HTML writes < by its number, which JSON reads as the same.
        expect(JSON.parse(stampOf(stamped(file, extension, text))!)).toEqual(JSON.parse(text));
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it('gives the same bytes twice, and leaves a file alone that is not what it is called', () => {
    const text = '{"a":1}';
    expect(stamped(file, extension, text).equals(stamped(file, extension, text))).toBe(true);
    const other = Buffer.from('not such a file');
    expect(stamped(other, extension, text)).toBe(other);
  });

  it('is not found where there is none', () => {
    expect(stampOf(file)).toBeUndefined();
  });
});

describe('what is seen', () => {
  it('stays: the pixels of a stamped PNG and SVG are the same', async () => {
    const png = stamped(files['.png'], '.png', '{"a":1}');
    const pixels = (bytes: Buffer): string => {
      const from = bytes.indexOf('IDAT');
      return bytes.subarray(from, bytes.indexOf('IEND') - 4).toString('latin1');
    };
    expect(pixels(png).startsWith(pixels(files['.png']).slice(0, 200))).toBe(true);
    const drawn = stamped(files['.svg'], '.svg', '{"a":1}').toString();
    expect((await svgToPng(drawn, 60)).equals(files['.png'])).toBe(true);
  });

  it('a stamped PDF keeps its bytes, and its last cross-references lead to catalogue and metadata', () => {
    const pdf = stamped(files['.pdf'], '.pdf', '{"a":1}');
    expect(pdf.subarray(0, files['.pdf'].length).equals(files['.pdf'])).toBe(true);
    const text = pdf.toString('latin1');
    const table = Number(/startxref\s+(\d+)\s+%%EOF\s*$/u.exec(text)![1]);
    const entries = [...text.slice(table).matchAll(/(\d+) 1\n(\d{10}) (\d{5}) n \n/gu)];
    expect(entries).toHaveLength(2);
    for (const [, id, offset] of entries)
      expect(text.slice(Number(offset))).toMatch(new RegExp(`^${id} 0 obj`, 'u'));
    const [root] = /\/Root (\d+) 0 R/u.exec(text.slice(table))!.slice(1);
    const catalogue = entries.find(([, id]) => id === root)!;
    expect(text.slice(Number(catalogue[2]), table)).toMatch(/\/Type \/Catalog[\s\S]*\/Metadata \d+ 0 R/u);
    const length = Number(/\/Subtype \/XML \/Length (\d+)/u.exec(text)![1]);
    const stream = text.indexOf('stream\n', text.indexOf('/Subtype /XML')) + 7;
    expect(text.slice(stream + length, stream + length + 10)).toBe('\nendstream');
  });
});
