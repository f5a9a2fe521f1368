/** Panels of tables: histograms, bars, spectral densities. */
import { ticks } from 'd3-array';
import { UserError } from '../../../src/diagnostics/diagnostic.ts';
import type { BarsMark, LineMark, PlanePanel, PointsMark, RuleMark } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import { numberText } from '../../../src/figure/scale.ts';
import type { Content } from '../compose.ts';
import { numbersAt } from '../sources.ts';
import { directionTitle } from '../title.ts';
import { cannotPlot, ends } from './common.ts';

interface Group {
  readonly label: string;
  readonly numbers: readonly number[];
  readonly source: string;
}

/** Counts in bins of equal width, the same for all groups. */
export function histogramPanel(content: Content): PlanePanel {
  const { own } = content;
  const ofAngles = content.sources.some(({ data }) => data.type === 'angles');
  const angles = own.values === undefined && ofAngles;
  const groups = content.sources.flatMap((source): Group[] => {
    const { data, label } = source;
    if (own.values !== undefined)
      return [{ label: literal(label), numbers: numbersAt(source, own.values), source: label }];
    if (data.type === 'angles')
      return data.table.groups.map(({ from, to, degrees }) => ({
        label: `${directionTitle(from)} and ${directionTitle(to)}`,
        numbers: degrees,
        source: label,
      }));
    if (data.type === 'changes')
      return data.table.changes.map(({ lambda, values }) => ({
        label: `$λ=${lambda}$`,
        numbers: values,
        source: label,
      }));
    if (data.type === 'table' && Array.isArray(data.table))
      return [{ label: literal(label), numbers: numbersAt(source, own.values ?? ''), source: label }];
    return [];
  });
  if (groups.length === 0)
    throw cannotPlot(content, 'angles, or a table and where its numbers stand: `values: name.name`');
  const all = groups.flatMap(({ numbers }) => [...numbers]);
  const edges = binEdges(all, own.bins ?? Math.min(40, Math.max(8, Math.ceil(1.5 * Math.sqrt(all.length)))));
  const bars = groups.map(({ label, numbers, source }, style): BarsMark => {
    const counts = new Array<number>(edges.length - 1).fill(0);
    for (const n of numbers) {
      const bin = Math.min(
        counts.length - 1,
        edges.findLastIndex((edge) => edge <= n),
      );
      if (bin >= 0) counts[bin]! += 1;
    }
    return {
      type: 'bars',
      from: edges.slice(0, -1),
      to: edges.slice(1),
      height: counts,
      label: own.labels?.[style] ?? label,
      style,
      source,
    };
  });
  const changes = content.sources.some(({ data }) => data.type === 'changes');
  // One group's angles may all lie on one side, far from it.
  const orthogonal = angles || (ofAngles && edges[0]! <= 90 && 90 <= edges.at(-1)!);
  const rules: RuleMark[] = orthogonal
    ? [{ type: 'rule', axis: 'x', at: 90, role: 'level', label: 'orthogonal' }]
    : changes
      ? [{ type: 'rule', axis: 'x', at: 0, role: 'level', label: 'no change' }]
      : [];
  return {
    ...(own.title !== undefined && own.title !== '' && { title: own.title }),
    x: {
      label: own.xlabel ?? (angles ? 'angle (degrees)' : changes ? '$δL$' : ''),
      scale: 'linear',
      ...(own.xrange && { domain: ends(own.xrange) }),
    },
    y: {
      label: own.ylabel ?? 'count',
      scale: own.log ? 'log' : 'linear',
      whole: true,
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks: [...rules, ...bars],
    legend: own.legend ?? (groups.length > 1 || own.labels !== undefined),
  };
}

/** Edges at round numbers that hold all values. */
function binEdges(values: readonly number[], wanted: number): number[] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(high > low)) return [low - 0.5, low + 0.5];
  const inner = ticks(low, high, wanted);
  const step = inner[1]! - inner[0]!;
  const edges = [...inner];
  if (edges[0]! > low) edges.unshift(edges[0]! - step);
  if (edges.at(-1)! <= high) edges.push(edges.at(-1)! + step);
  return edges;
}

interface BarGroup {
  readonly label: string;
  readonly heights: readonly number[];
  readonly source: string;
}

/** A bar a name: cosines with eigenvectors, eigenvalues, or numbers of a table. */
export function barsPanel(content: Content): PlanePanel {
  const { own } = content;
  let [names, ylabel]: [readonly string[], string] = [[], ''];
  const unordered = content.sources.flatMap((source): BarGroup[] => {
    const { data, label } = source;
    if (own.values !== undefined) {
      const heights = numbersAt(source, own.values);
      names = heights.map((_, i) => String(i + 1));
      return [{ label: literal(label), heights, source: label }];
    }
    if (data.type === 'angles' && data.table.given) {
      const { x, targets, cosines } = data.table.given;
      names = targets.map(literal);
      ylabel = '|cosine|';
      return x.map((name, i) => ({
        label: literal(name),
        heights: cosines[i]!.map(Math.abs),
        source: label,
      }));
    }
    if (data.type === 'eigenvalues') {
      const { smallest, largest } = data.table;
      names = [
        ...smallest.map((_, i) => `N.E.${i + 1}`),
        ...largest.map((_, i) => `P.E.${largest.length - i}`),
      ];
      ylabel = 'eigenvalue';
      const heights = [...smallest, ...[...largest].reverse()].map(({ value }) => value);
      return [{ label: literal(label), heights, source: label }];
    }
    return [];
  });
  const groups = unordered.map((group) => ({ ...group, heights: inOrder(group.heights, own.order) }));
  if (own.order && names.length > 0) names = inOrder(names, own.order);
  if (groups.length === 0)
    throw cannotPlot(
      content,
      'cosines, eigenvalues, or a table and where its numbers stand: `values: name.name`',
    );
  const count = Math.max(...groups.map(({ heights }) => heights.length));
  const named = own.labels && own.labels.length === count && groups.length === 1;
  const categories = named ? own.labels! : Array.from({ length: count }, (_, i) => names[i] ?? String(i + 1));
  const width = 0.8 / groups.length;
  const marks = groups.map(
    ({ label, heights, source }, style): BarsMark => ({
      type: 'bars',
      from: heights.map((_, i) => i - 0.4 + style * width),
      to: heights.map((_, i) => i - 0.4 + (style + 1) * width),
      height: heights,
      label: (named ? undefined : own.labels?.[style]) ?? label,
      style,
      source,
    }),
  );
  return {
    ...(own.title !== undefined && own.title !== '' && { title: own.title }),
    x: { label: own.xlabel ?? '', scale: 'linear', categories },
    y: {
      label: own.ylabel ?? ylabel,
      scale: own.log ? 'log' : 'linear',
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks,
    legend: own.legend ?? groups.length > 1,
  };
}

/** Some of a list in another order, by their places from 1 on. */
function inOrder<T>(list: readonly T[], order: readonly number[] | undefined): readonly T[] {
  if (!order) return list;
  const beyond = order.find((place) => place > list.length);
  if (beyond !== undefined)
    throw new UserError({
      severity: 'error',
      code: 'no-such-bar',
      message: `the order of the bars names place ${beyond}, but there are ${list.length} numbers`,
    });
  return order.map((place) => list[place - 1]!);
}

/** PyHessian's floor below a density on a logarithmic scale. */
const densityFloor = 1e-7;

/** Log densities of spectra, their Ritz values as ticks, the smallest of them in the title's brackets. */
export function densityPanel(content: Content): PlanePanel {
  const { own } = content;
  const spectra = content.sources.flatMap(({ data, label }) =>
    data.type === 'spectrum' ? [{ table: data.table, label }] : [],
  );
  if (spectra.length === 0) throw cannotPlot(content, 'the output of `spectrum`');
  const lines = spectra.map(
    ({ table, label }, style): LineMark => ({
      type: 'line',
      ...thinned(table.grid, table.density),
      label: own.labels?.[style] ?? (spectra.length > 1 ? literal(label) : 'density'),
      style,
      source: label,
    }),
  );
  const ritz = spectra.map(
    ({ table, label }, style): PointsMark => ({
      type: 'points',
      x: table.probes.flatMap(({ nodes }) => nodes),
      y: table.probes.flatMap(({ nodes }) => nodes.map(() => null)),
      shape: 'tick',
      style: spectra.length > 1 ? style : 5,
      ...(style === 0 && { label: 'Ritz values' }),
      source: label,
    }),
  );
  const smallest = Math.min(...spectra.flatMap(({ table }) => table.probes.flatMap(({ nodes }) => nodes)));
  const title =
    `${own.title ?? ''} [${numberText(Number(smallest.toPrecision(3))).replace('-', '−')}]`.trim();
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
