import type { LineMark, PlanePanel, PointsMark } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import { numberText } from '../../../src/figure/scale.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import { cannotPlot, ends } from './common.ts';

/** PyHessian's floor below a density on a logarithmic scale. */
const densityFloor = 1e-7;

/** Log densities of spectra, their Ritz values as ticks, the smallest of them in the title's brackets. */
export function densityPanel(content: Content): PlanePanel {
  const { own } = content;
  const spectra = content.sources.flatMap((source) =>
    source.data.type === 'spectrum' ? [{ table: source.data.table, source }] : [],
  );
  if (spectra.length === 0) throw cannotPlot(content, 'the output of `spectrum`');
  const labels = labelsOf(
    content,
    spectra.map(({ source }) => ({ source, name: spectra.length > 1 ? literal(source.label) : '' })),
    'spectra',
  );
  const lines = spectra.map(
    ({ table, source }, style): LineMark => ({
      type: 'line',
      ...thinned(table.grid, table.density),
      // The axis says what a single one is.
      ...(labels[style] !== '' && { label: labels[style]! }),
      style,
      source: source.label,
    }),
  );
  const ritz = spectra.map(
    ({ table, source }, style): PointsMark => ({
      type: 'points',
      x: table.probes.flatMap(({ nodes }) => nodes),
      y: table.probes.flatMap(({ nodes }) => nodes.map(() => null)),
      shape: 'tick',
      style: spectra.length > 1 ? style : 5,
      ...(style === 0 && { label: 'Ritz values' }),
      source: source.label,
    }),
  );
  const smallest = Math.min(...spectra.flatMap(({ table }) => table.probes.flatMap(({ nodes }) => nodes)));
  const title = `${own.title ?? ''} [${numberText(Number(smallest.toPrecision(3)))}]`.trim();
  return {
    title,
    x: {
      label: own.xlabel ?? 'eigenvalue',
      scale: 'linear',
      ...(own.xrange && { domain: ends(own.xrange) }),
    },
    y: {
      label: own.ylabel ?? 'density',
      scale: 'log',
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks: [...ritz, ...lines],
    legend: own.legend ?? true,
  };
}

/**
 * A density's grid has 10,000 points, a panel a few hundred pixels: of each stretch of the grid its lowest and its
 * highest point are kept, in order, so that the drawn curve covers the same pixels.
 */
function thinned(
  grid: readonly number[],
  density: readonly number[],
): { x: readonly number[]; y: readonly number[] } {
  const group = Math.max(1, Math.floor(grid.length / 700));
  const kept: number[] = [];
  for (let from = 0; from < grid.length; from += group) {
    const indices = Array.from({ length: Math.min(group, grid.length - from) }, (_, k) => from + k);
    const low = indices.reduce((a, b) => (density[b]! < density[a]! ? b : a));
    const high = indices.reduce((a, b) => (density[b]! > density[a]! ? b : a));
    kept.push(...new Set([low, high].sort((a, b) => a - b)));
  }
  return { x: kept.map((k) => grid[k]!), y: kept.map((k) => density[k]! + densityFloor) };
}
