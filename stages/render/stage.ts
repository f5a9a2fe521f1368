import { readFile, writeFile } from 'node:fs/promises';
import { fontFiles } from '../../src/figure/font-files.ts';
import { defineStage } from '../../src/kind/stage-kind.ts';
import { decodeCurves } from '../../src/landscape/curves.ts';
import { parameters } from './parameters.ts';
import type { CategoryRow } from './title.ts';

/**
 * Draws curves and surfaces as one figure, in three formats. It knows the paper's conventions (what is dotted, what
 * stands in brackets) and nothing of how the numbers came about; the drawing itself is src/figure/.
 */

export default defineStage({
  version: 1,
  summary: 'Draws curves and surfaces as one figure: SVG, PNG and PDF.',
  with: parameters,
  inputs: {
    panels: { type: 'curves', many: true, description: 'One panel each; all curves of a file share it.' },
    categories: {
      type: 'categories',
      many: true,
      optional: true,
      description: 'What `classify` made of the same curves, in the same order: they become the titles.',
    },
  },
  outputs: {
    svg: { type: 'figure', extension: '.svg' },
    png: { type: 'figure', extension: '.png' },
    pdf: { type: 'figure', extension: '.pdf' },
  },
  files: () => Object.entries(fontFiles()).map(([face, path]) => ({ name: `font/${face}`, path })),
  check: (params) => [
    ...orderedRanges(params.panels),
    ...(params.clip === 'auto' || params.clip === 'never' || Number.isFinite(params.clip)
      ? []
      : [{ pointer: '/clip', message: 'is not a finite number' }]),
  ],
  async run(context) {
    const { describeFigure } = await import('./describe.ts');
    const { drawFigure } = await import('../../src/figure/draw.ts');
    const { svgToPng } = await import('../../src/figure/png.ts');
    const { svgToPdf } = await import('../../src/figure/pdf.ts');
    const read = (path: string | undefined): Promise<string> => readFile(path!, 'utf8');
    const curves = await Promise.all(
      context
        .list('panels')
        .map(async ({ label, path }) => ({ label, curves: decodeCurves(await read(path)) })),
    );
    const categories = await Promise.all(context.list('categories').map(({ path }) => read(path)));
    const figure = describeFigure(
      curves,
      categories.flatMap((text) => (JSON.parse(text) as { series: CategoryRow[] }).series),
      context.params,
    );
    const svg = drawFigure(figure);
    await writeFile(context.output('svg'), svg);
    context.progress(1, 3, 'formats');
    await writeFile(context.output('png'), svgToPng(svg, context.params.dpi));
    context.progress(2, 3, 'formats');
    await writeFile(context.output('pdf'), await svgToPdf(svg, context.params.title ?? ''));
    context.progress(3, 3, 'formats');
  },
});

function orderedRanges(
  panels: readonly { readonly xrange?: readonly number[]; readonly yrange?: readonly number[] }[],
): { pointer: string; message: string }[] {
  return panels.flatMap((panel, i) =>
    (['xrange', 'yrange'] as const)
      .filter((name) => panel[name] && !(panel[name][0]! < panel[name][1]!))
      .map((name) => ({
        pointer: `/panels/${i}/${name}`,
        message: 'must go from a smaller to a larger number',
      })),
  );
}
