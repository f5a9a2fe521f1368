import type { LineMark, PlanePanel } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import type { RenderParameters } from '../parameters.ts';
import type { HistoryRow, Source } from '../sources.ts';
import { cannotPlot, ends, labelOf, unknownMetric } from './common.ts';
import { enlarged } from './inset.ts';

/**
 * A training over its epochs: the columns of a metric, `train-loss` and `test-loss` of `loss`. What was measured while
 * the mini-batches were trained on is drawn where there is nothing better.
 */
export function historyPanel(content: Content, params: RenderParameters): PlanePanel {
  const { own } = content;
  const metric = own.metric ?? params.metric;
  const found = content.sources.flatMap((source) => {
    if (source.data.type !== 'history')
      throw cannotPlot(content, 'curves of landscapes, or histories of trainings, in a panel of their own');
    return columnsOf(source, source.data.rows, metric);
  });
  const labels = labelsOf(content, found);
  const marks = found.map(
    ({ source, points }, i): LineMark => ({
      type: 'line',
      x: points.map(({ epoch }) => epoch),
      y: points.map(({ value }) => value),
      label: labels[i]!,
      style: i,
      source: source.label,
    }),
  );
  const panel: PlanePanel = {
    ...(own.title && { title: own.title }),
    x: {
      label: own.xlabel ?? 'epoch',
      scale: own['log-x'] ? 'log' : 'linear',
      ...(own.xrange && { domain: ends(own.xrange) }),
    },
    y: {
      label: own.ylabel ?? labelOf(metric),
      scale: (own.log ?? params.log) ? 'log' : 'linear',
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks,
    legend: own.legend ?? marks.length > 1,
  };
  return own.inset ? { ...panel, inset: enlarged(panel, own.inset) } : panel;
}

interface Column {
  readonly source: Source;
  readonly name: string;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

/** A column is the metric itself, or the metric of something: of `train`, `test`, `batch`. */
function columnsOf(source: Source, rows: readonly HistoryRow[], metric: string): Column[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'epoch');
  const measured = (name: string, of: (value: number) => number = (value) => value): Column['points'] =>
    rows.flatMap((row) => {
      const value = row[name];
      return typeof value === 'number' ? [{ epoch: row.epoch, value: of(value) }] : [];
    });
  const columns = names.flatMap((name): Column[] => {
    if (name === metric) return [{ source, name: literal(metric), points: measured(name) }];
    if (name.endsWith(`-${metric}`))
      return [{ source, name: literal(name.slice(0, -metric.length - 1)), points: measured(name) }];
    if (metric === 'error' && name.endsWith('-accuracy'))
      return [
        { source, name: literal(name.slice(0, -'-accuracy'.length)), points: measured(name, (a) => 1 - a) },
      ];
    return [];
  });
  const some = columns.filter(({ points }) => points.length > 0);
  const better = some.filter(({ name }) => name !== 'batch');
  if (some.length > 0) return better.some(({ name }) => name === 'train') ? better : some;
  const known = [...new Set(names.map((name) => /(?:^|-)(loss|accuracy)$/u.exec(name)?.[1] ?? name))];
  throw unknownMetric(`the history ${source.label}`, metric, known);
}
