import { readFile, writeFile } from 'node:fs/promises';
import { fontFiles } from '../../src/figure/font-files.ts';
import { defineStage } from '../../src/kind/stage-kind.ts';
import { checkPanels } from './compose.ts';
import { parameters } from './parameters.ts';
import { checkRanges } from './ranges.ts';
import type { CategoryRow } from './title.ts';

const drawable = ['curves', 'table'] as const;

/**
 * Draws curves, surfaces and tables as one figure, in four formats. It knows the paper's conventions (what is dotted,
 * what stands in brackets) and nothing of how the numbers came about; the drawing itself is src/figure/.
 */
export default defineStage({
  version: 2,
  summary: 'Draws curves, surfaces and tables as one figure: SVG, PNG, PDF, and HTML to explore.',
  with: parameters,
  inputs: {
    panels: {
      type: drawable,
      many: true,
      optional: true,
      description: 'One panel each; all curves of a file share it.',
    },
    categories: {
      type: 'categories',
      many: true,
      optional: true,
      description: 'What `classify` made of the same curves, in the same order: they become the titles.',
    },
    '*': { type: drawable, many: true, description: 'Under names of your own, for `show` and `each`.' },
  },
  outputs: {
    svg: { type: 'figure', extension: '.svg' },
    png: { type: 'figure', extension: '.png', description: 'Of panels with `frames` it moves.' },
    pdf: { type: 'figure', extension: '.pdf' },
    html: {
      type: 'figure',
      extension: '.html',
      description: 'One file: turn surfaces, read values, move through frames.',
    },
  },
  files: () => Object.entries(fontFiles()).map(([face, path]) => ({ name: `font/${face}`, path })),
  check: (params, inputs) => [
    ...checkRanges(params),
    ...checkPanels(params, inputs),
    ...(params.clip === 'auto' || params.clip === 'never' || Number.isFinite(params.clip)
      ? []
      : [{ pointer: '/clip', message: 'is not a finite number' }]),
  ],
  async run(context) {
    const { describeFigure } = await import('./describe.ts');
    const { readSource } = await import('./sources.ts');
    const { layOut } = await import('../../src/figure/draw.ts');
    const { frameScenes } = await import('../../src/figure/animation.ts');
    const { animatedPng } = await import('../../src/figure/animated-png.ts');
    const { sceneToSvg } = await import('../../src/figure/svg.ts');
    const { svgToPng } = await import('../../src/figure/png.ts');
    const read = (path: string | undefined): Promise<string> => readFile(path!, 'utf8');
    const names = Object.keys(context.inputs).filter((name) => name !== 'categories');
    const sources = await Promise.all(
      names.flatMap((name) =>
        context.list(name).map(async ({ label, path }) => readSource(name, label, await read(path))),
      ),
    );
    const categories = await Promise.all(context.list('categories').map(({ path }) => read(path)));
    const figure = describeFigure(
      sources,
      categories.flatMap((text) => (JSON.parse(text) as { series: CategoryRow[] }).series),
      context.params,
    );
    const placed = layOut(figure);
    const still = sceneToSvg(placed.scene);
    // What cannot move shows the last frame.
    const scenes = figure.frames ? frameScenes(figure) : [placed.scene];
    const last = scenes.at(-1)!;
    const others = async (): Promise<Buffer> => {
      const { figureToHtml } = await import('../../src/figure/interactive/html.ts');
      const { sceneToPdf } = await import('../../src/figure/pdf.ts');
      await writeFile(context.output('svg'), figure.frames ? sceneToSvg(last) : still);
      await writeFile(context.output('html'), figureToHtml(figure, placed, still));
      context.progress(1, 3, 'formats');
      return sceneToPdf(last);
    };
    // The pixels are drawn on another thread while the other formats, and their libraries, are made ready on this one.
    const [pngs, pdf] = await Promise.all([
      Promise.all(
        scenes.map((scene) =>
          svgToPng(scene === placed.scene ? still : sceneToSvg(scene), context.params.dpi),
        ),
      ),
      others(),
    ]);
    context.progress(2, 3, 'formats');
    await writeFile(context.output('png'), pngs.length === 1 ? pngs[0]! : animatedPng(pngs));
    await writeFile(context.output('pdf'), pdf);
    context.progress(3, 3, 'formats');
  },
});
