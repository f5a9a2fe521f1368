import { UserError } from '../../../src/diagnostics/diagnostic.ts';
import type { BarsMark, PlanePanel, Sample } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import type { EigenTable } from '../../eigenpairs/table.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import { placeIn, type Source, samplesAt } from '../sources.ts';
import { cannotPlot, ends } from './common.ts';

interface BarGroup {
  readonly name: string;
  /** One a bar. */
  readonly names: readonly string[];
  readonly heights: readonly Sample[];
  readonly quantity: string;
  readonly source: Source;
}

/** A bar a name: cosines with eigenvectors, eigenvalues, or numbers of a table. */
export function barsPanel(content: Content): PlanePanel {
  const { own } = content;
  const most = mostPairs(content);
  const found = content.sources.flatMap((source): BarGroup[] => {
    const { data, label } = source;
    const place = placeIn(source, own.values);
    if (place !== undefined) {
      const heights = samplesAt(source, place);
      const names = heights.map((_, i) => String(i + 1));
      return [{ name: literal(label), names, heights, quantity: '', source }];
    }
    if (data.type === 'angles' && data.table.given) {
      const { x, targets, cosines } = data.table.given;
      return x.map((name, i) => ({
        name: literal(name),
        names: targets.map(literal),
        heights: cosines[i]!.map(Math.abs),
        quantity: '|cosine|',
        source,
      }));
    }
    if (data.type === 'eigenvalues')
      return [{ name: literal(label), ...eigenBars(data.table, most), quantity: 'eigenvalue', source }];
    return [];
  });
  if (found.length === 0)
    throw cannotPlot(
      content,
      'cosines, eigenvalues, or a table and where its numbers stand: `values: name.name`',
    );
  const groups = withAllNames(found).map((group) => ({
    ...group,
    names: inOrder(group.names, own.order),
    heights: inOrder(group.heights, own.order),
  }));
  const [{ names, quantity }] = groups as [BarGroup];
  // Of one group the bars have names, else the groups.
  const [{ source: first }] = groups as [BarGroup];
  const alone = groups.length === 1;
  const categories = alone
    ? labelsOf(
        content,
        names.map((name) => ({ source: first, name })),
        'bars',
      )
    : names;
  const labels = alone ? groups.map(({ name }) => name) : labelsOf(content, groups, 'groups of bars');
  const width = 0.8 / groups.length;
  const marks = groups.map(
    ({ heights, source }, style): BarsMark => ({
      type: 'bars',
      from: heights.map((_, i) => i - 0.4 + style * width),
      to: heights.map((_, i) => i - 0.4 + (style + 1) * width),
      height: heights,
      label: labels[style]!,
      style,
      source: source.label,
    }),
  );
  return {
    ...(own.title !== undefined && own.title !== '' && { title: own.title }),
    x: { label: own.xlabel ?? '', scale: 'linear', categories },
    y: {
      label: own.ylabel ?? quantity,
      scale: own.log ? 'log' : 'linear',
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks,
    legend: own.legend ?? groups.length > 1,
  };
}

/** How many eigenvalues the tables of a panel have at either end: one with fewer has gaps among its bars. */
function mostPairs({ sources }: Content): { readonly smallest: number; readonly largest: number } {
  const tables = sources.flatMap(({ data }) => (data.type === 'eigenvalues' ? [data.table] : []));
  return {
    smallest: Math.max(0, ...tables.map(({ smallest }) => smallest.length)),
    largest: Math.max(0, ...tables.map(({ largest }) => largest.length)),
  };
}

/** Eigenvalues as they grow. */
function eigenBars(
  { smallest, largest }: EigenTable,
  most: ReturnType<typeof mostPairs>,
): Pick<BarGroup, 'names' | 'heights'> {
  const bars = [
    ...Array.from({ length: most.smallest }, (_, i) => ({ name: `N.E.${i + 1}`, pair: smallest[i] })),
    ...Array.from({ length: most.largest }, (_, i) => ({ name: `P.E.${i + 1}`, pair: largest[i] })).reverse(),
  ];
  return { names: bars.map(({ name }) => name), heights: bars.map(({ pair }) => pair?.value ?? null) };
}

/**
 * Groups with a place at each name that any of them has, in the order in which names first stand. A name that a group
 * has twice counts as two.
 */
function withAllNames(groups: readonly BarGroup[]): BarGroup[] {
  const bars = groups.map(({ names, heights }) => {
    const found = new Map<string, { readonly name: string; readonly height: Sample }>();
    names.forEach((name, i) => {
      let nth = 1;
      while (found.has(`${nth} ${name}`)) nth++;
      found.set(`${nth} ${name}`, { name, height: heights[i]! });
    });
    return found;
  });
  const all = new Map(bars.flatMap((found) => [...found]));
  return groups.map((group, g) => ({
    ...group,
    names: [...all.values()].map(({ name }) => name),
    heights: [...all.keys()].map((key) => bars[g]!.get(key)?.height ?? null),
  }));
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
