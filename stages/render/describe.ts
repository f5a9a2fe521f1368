import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { Figure, Panel, RuleMark, Sample } from '../../src/figure/figure.ts';
import { literal } from '../../src/figure/math-text.ts';
import { domainOf } from '../../src/figure/scale.ts';
import type { Axis, Curves, Series } from '../../src/landscape/curves.ts';
import type { RenderParameters } from './parameters.ts';
import { subjectNotes } from './subject.ts';
import { type CategoryRow, panelTitle } from './title.ts';

type PanelParameters = RenderParameters['panels'][number];

export interface NamedCurves {
  /** The reference that brought them, for want of a better title. */
  readonly label: string;
  readonly curves: Curves;
}

const inch = 72;
const widths = { 'single-column': 3.3, 'double-column': 6.9 } as const;

/** What one panel shows: all curves of a file, or one of its surfaces. */
interface Content extends NamedCurves {
  readonly series: readonly Series[];
  readonly categories: readonly CategoryRow[];
}

/**
 * The figure of the paper's style for some curves files: a panel for each file of curves and for each surface.
 * @param categories a row a curve, in the order of the files' curves (surfaces have none); empty where unknown.
 * Fails with a diagnostic where the categories are of other curves.
 */
export function describeFigure(
  files: readonly NamedCurves[],
  categories: readonly CategoryRow[],
  params: RenderParameters,
): Figure {
  const rows = rowsByFile(files, categories);
  const contents = files.flatMap((file, i): Content[] => {
    const { axes, series } = file.curves;
    if (axes.length === 1) return [{ ...file, series, categories: rows[i]! }];
    return series.map((one) => ({ ...file, series: [one], categories: [] }));
  });
  const width = (typeof params.width === 'number' ? params.width : widths[params.width]) * inch;
  const flat = contents.some((content) => content.curves.axes.length === 2);
  return {
    width,
    frame: params.height === undefined ? { aspect: flat ? 1 : 0.75 } : { height: params.height * inch },
    columns: params.columns ?? columnsFor(contents.length, width),
    ...(params.title !== undefined && { title: params.title }),
    ...(params.caption !== undefined && { caption: params.caption }),
    notes: subjectNotes(contents.map((content) => content.curves.subject)),
    panels: contents.map((content, i) => {
      const own = params.panels[i] ?? {};
      return content.curves.axes.length === 2
        ? surfacePanel(content, own, params)
        : curvesPanel(content, own, params);
    }),
  };
}

/** Deals the rows of the categories out to the files whose curves they name. */
function rowsByFile(files: readonly NamedCurves[], rows: readonly CategoryRow[]): CategoryRow[][] {
  let next = 0;
  const dealt = files.map(({ curves }) => {
    const count = curves.axes.length === 1 && rows.length > 0 ? curves.series.length : 0;
    next += count;
    return rows.slice(next - count, next);
  });
  const fit = files.every(({ curves }, i) =>
    dealt[i]!.every((row, k) => row.name === curves.series[k]!.name),
  );
  if (!fit || next !== rows.length)
    throw new UserError({
      severity: 'error',
      code: 'categories-of-other-curves',
      message: `the ${rows.length} categories do not belong to the ${next} curves of the panels`,
      hint: 'give `categories` the output of the `classify` stage that had the same inputs in the same order',
    });
  return dealt;
}

/** Room of 1.6 inches a panel at least, four in a row at most, and rows as full as can be. */
function columnsFor(panels: number, width: number): number {
  const most = Math.max(1, Math.min(4, Math.floor(width / (1.6 * inch))));
  const rows = Math.max(1, Math.ceil(panels / most));
  return Math.max(1, Math.ceil(panels / rows));
}

const metricLabels: Record<string, string> = { 'loss-standard-error': 'standard error of the loss' };
const labelOf = (metric: string): string => metricLabels[metric] ?? metric;

const ends = (range: readonly number[]): readonly [number, number] => [range[0]!, range[1]!];

const sample = (value: number): Sample => (Number.isFinite(value) ? value : null);

function curvesPanel(content: Content, own: PanelParameters, params: RenderParameters): Panel {
  const axis = content.curves.axes[0]!;
  const metric = own.metric ?? params.metric;
  const log = own.log ?? params.log;
  const lines = content.series.map((series, i) => ({
    type: 'line' as const,
    x: axis.values,
    y: valuesOf(series, metric).map(sample),
    label: own.labels?.[i] ?? literal(series.name),
    style: i,
  }));
  const finite = lines.flatMap((line) => line.y.filter((v): v is number => v !== null));
  const chance =
    metric === 'loss' && content.curves.classes !== null ? Math.log(content.curves.classes) : null;
  const cap = own.yrange || log ? undefined : capOf(content, axis, metric, finite, chance, params.clip);
  const shown = cap === undefined ? finite : finite.map((v) => Math.min(v, cap));
  const level: RuleMark[] =
    chance !== null && isNear(chance, shown, log)
      ? [{ type: 'rule', axis: 'y', at: chance, role: 'level', label: 'log $C$' }]
      : [];
  const domain = own.yrange
    ? ends(own.yrange)
    : cap === undefined
      ? undefined
      : ([domainOf('linear', shown, 0.06)[0], cap] as const);
  const title = panelTitle(
    content,
    own.title,
    params.stationary ? content.series.map((one) => valuesOf(one, metric)) : undefined,
  );
  return {
    ...(title !== '' && { title }),
    x: {
      label: own.xlabel ?? axis.label,
      scale: 'linear',
      ...(own.xrange && { domain: ends(own.xrange) }),
    },
    y: {
      label: own.ylabel ?? labelOf(metric),
      scale: log ? 'log' : 'linear',
      ...(domain && { domain }),
      include: level.map((rule) => rule.at),
    },
    marks: [...modelRules(axis), ...level, ...lines],
    legend: own.legend ?? (own.labels !== undefined || tellsApart(content.series)),
    ...(cap !== undefined && { remark: `clipped at ${Number(cap.toPrecision(3))}` }),
  };
}

function surfacePanel(content: Content, own: PanelParameters, params: RenderParameters): Panel {
  const [x, y] = content.curves.axes as readonly [Axis, Axis];
  const metric = own.metric ?? params.metric;
  const values = valuesOf(content.series[0]!, metric);
  const finite = values.filter(Number.isFinite);
  const chance =
    metric === 'loss' && content.curves.classes !== null ? Math.log(content.curves.classes) : null;
  const log = own.log ?? params.log;
  const cap = log ? undefined : capOf(content, x, metric, finite, chance, params.clip);
  const title = panelTitle(content, own.title, undefined);
  return {
    ...(title !== '' && { title }),
    x: { label: own.xlabel ?? x.label, scale: 'linear', ...(own.xrange && { domain: ends(own.xrange) }) },
    y: { label: own.ylabel ?? y.label, scale: 'linear', ...(own.yrange && { domain: ends(own.yrange) }) },
    marks: [
      {
        type: 'surface',
        form: 'filled',
        x: x.values,
        y: y.values,
        values: values.map(sample),
        scale: log ? 'log' : 'linear',
        map: params.colours,
        label: labelOf(metric),
        ...(cap !== undefined && { cap }),
        points: markedPoints(x, y),
      },
    ],
    legend: false,
    ...(cap !== undefined && { remark: `clipped at ${Number(cap.toPrecision(3))}` }),
  };
}

/** Values of a metric; a diagnostic where the curves were evaluated without it. */
function valuesOf(series: Series, metric: string): readonly number[] {
  const values = series.metrics[metric];
  if (values) return values;
  throw new UserError({
    severity: 'error',
    code: 'unknown-metric',
    message: `the curve ${series.name} has no metric "${metric}"`,
    expected: `one of ${Object.keys(series.metrics).join(', ')}`,
  });
}

const roleNames = { model: 'perturbed model', target: 'target model' } as const;

const modelRules = (axis: Axis): RuleMark[] =>
  axis.marks.map(({ at, role }) => ({ type: 'rule', axis: 'x', at, role, label: roleNames[role] }));

/** The model where both axes mark it; a target where one axis marks it and the other is at the model. */
function markedPoints(x: Axis, y: Axis): { x: number; y: number; role: 'model' | 'target'; label: string }[] {
  const origin = [x, y].map((axis) => axis.marks.find((mark) => mark.role === 'model')?.at);
  const [x0, y0] = origin;
  if (x0 === undefined || y0 === undefined) return [];
  return [
    { x: x0, y: y0, role: 'model', label: roleNames.model },
    ...x.marks
      .filter((mark) => mark.role === 'target')
      .map((mark) => ({ x: mark.at, y: y0, role: 'target' as const, label: roleNames.target })),
    ...y.marks
      .filter((mark) => mark.role === 'target')
      .map((mark) => ({ x: x0, y: mark.at, role: 'target' as const, label: roleNames.target })),
  ];
}

/** Names help where the directions are of several kinds; five Gaussians are told apart by nobody. */
function tellsApart(series: readonly Series[]): boolean {
  return series.length > 1 && series.length <= 12 && new Set(series.map((s) => s.direction)).size > 1;
}

/** Whether a level lies within the values or not further off than a third of their range. */
function isNear(level: number, values: readonly number[], log: boolean): boolean {
  const scaled = log ? values.filter((v) => v > 0).map(Math.log) : values;
  const at = log ? Math.log(level) : level;
  if (scaled.length === 0) return false;
  const low = scaled.reduce((a, b) => Math.min(a, b));
  const high = scaled.reduce((a, b) => Math.max(a, b));
  return at >= low - (high - low) / 3 && at <= high + (high - low) / 3;
}

/** Where values are cut off, or undefined where all are shown. */
function capOf(
  content: Content,
  axis: Axis,
  metric: string,
  finite: readonly number[],
  chance: number | null,
  clip: RenderParameters['clip'],
): number | undefined {
  const highest = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (typeof clip === 'number') return highest > clip ? clip : undefined;
  if (clip === 'never' || chance === null || highest <= 50 * chance) return undefined;
  const model = axis.marks.find((mark) => mark.role === 'model')?.at ?? 0;
  const stride = content.curves.axes[1]?.values.length ?? 1;
  const column = content.curves.axes[1];
  const i = nearest(axis.values, model);
  const j = column ? nearest(column.values, column.marks.find((mark) => mark.role === 'model')?.at ?? 0) : 0;
  const there = content.series
    .map((series) => valuesOf(series, metric)[i * stride + j]!)
    .filter(Number.isFinite);
  return 1.25 * Math.max(chance, ...there);
}

function nearest(values: readonly number[], at: number): number {
  return values.reduce((best, v, i) => (Math.abs(v - at) < Math.abs(values[best]! - at) ? i : best), 0);
}
