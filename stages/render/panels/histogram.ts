import { tickIncrement } from 'd3-array';
import type { BarsMark, PlanePanel, RuleMark } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import { numbersAt, placeIn, type Source } from '../sources.ts';
import { directionTitle } from '../title.ts';
import { cannotPlot, ends } from './common.ts';

interface Group {
  readonly name: string;
  readonly numbers: readonly number[];
  readonly source: Source;
}

/** Counts in bins of equal width, the same for all groups. */
export function histogramPanel(content: Content): PlanePanel {
  const { own } = content;
  const ofAngles = content.sources.some(({ data }) => data.type === 'angles');
  const angles = own.values === undefined && ofAngles;
  const groups = content.sources.flatMap((source): Group[] => {
    const { data, label } = source;
    const place = placeIn(source, own.values);
    if (place !== undefined) return [{ name: literal(label), numbers: numbersAt(source, place), source }];
    if (data.type === 'angles')
      return data.table.groups.map(({ from, to, degrees }) => ({
        name: `${directionTitle(from)} and ${directionTitle(to)}`,
        numbers: degrees,
        source,
      }));
    if (data.type === 'changes')
      return data.table.changes.map(({ lambda, values }) => ({
        name: `$λ=${lambda}$`,
        numbers: values,
        source,
      }));
    return [];
  });
  const all = groups.flatMap(({ numbers }) => [...numbers]);
  if (all.length === 0)
    throw cannotPlot(content, 'angles, or a table and where its numbers stand: `values: name.name`');
  const edges = binEdges(all, own.bins ?? Math.min(40, Math.max(8, Math.ceil(1.5 * Math.sqrt(all.length)))));
  const labels = labelsOf(content, groups, 'histograms');
  const bars = groups.map(({ numbers, source }, style): BarsMark => {
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
      label: labels[style]!,
      style,
      source: source.label,
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

/** Edges at round numbers that hold all values. Values that are all but equal share one bin, which can be seen. */
function binEdges(values: readonly number[], wanted: number): number[] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-9 * size) {
    const room = Math.max(0.5, 1e-6 * size);
    return [low - room, high + room];
  }
  // Below 1 the increment is the negative of the step's inverse, so that edges are rounded once.
  const increment = tickIncrement(low, high, wanted);
  const edge = (k: number): number => (increment > 0 ? k * increment : k / -increment);
  const nearest = (value: number): number =>
    Math.round(increment > 0 ? value / increment : value * -increment);
  let [first, last] = [nearest(low), nearest(high)];
  if (edge(first) > low) first--;
  if (edge(last) <= high) last++;
  return Array.from({ length: last - first + 1 }, (_, i) => edge(first + i));
}
