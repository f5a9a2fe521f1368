import type { LineMark, Mark, PlanePanel, PointsMark, RuleMark } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import { domainOf } from '../../../src/figure/scale.ts';
import type { Axis, Curves, Series } from '../../../src/landscape/curves.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import type { RenderParameters } from '../parameters.ts';
import type { Source } from '../sources.ts';
import { type CategoryRow, directionTitle, panelTitle } from '../title.ts';
import {
  cannotPlot,
  capOf,
  chanceOf,
  clippedRemark,
  curvesIn,
  ends,
  labelOf,
  modelRules,
  sample,
  valuesOf,
} from './common.ts';
import { enlarged } from './inset.ts';
import { parabolasOf } from './parabolas.ts';

/** How far a parabola may go from its sample, up or down, as a share of what the curves span. */
const parabolaShare = 0.15;

/** Curves over one axis, as the paper draws them: dotted lines at the models and at log C. */
export function curvesPanel(
  content: Content,
  categories: readonly CategoryRow[],
  params: RenderParameters,
): PlanePanel {
  const { own } = content;
  const files = curvesIn(content, 1).map(
    ({ source, curves }): File => ({
      source,
      curves,
      axis: curves.axes[0]!,
      factor: own.stretch?.[source.input] ?? 1,
    }),
  );
  const [first] = files;
  if (!first) throw cannotPlot(content, 'curves over one axis');
  const metric = own.metric ?? params.metric;
  const log = own.log ?? params.log;
  const drawn = files.flatMap(({ source, curves, axis, factor }) =>
    curves.series.map((series) => {
      const name = files.length > 1 ? nameAmong(files, series) : nameOf(series);
      return {
        source,
        series,
        axis,
        factor,
        name: factor === 1 ? name : `${name} (${axis.label} × ${factor})`,
      };
    }),
  );
  const labels = labelsOf(content, drawn);
  const lines = drawn.map(
    ({ source, series, axis, factor }, i): LineMark => ({
      type: 'line',
      x: axis.values.map((v) => v * factor),
      y: valuesOf(series, metric).map(sample),
      label: labels[i]!,
      style: i,
      source: source.label,
    }),
  );
  const finite = lines.flatMap((line) => line.y.filter((v): v is number => v !== null));
  const chances = files.map(({ curves }) => chanceOf(curves, metric)).filter((c) => c !== null);
  const curves = files.map((file) => file.curves);
  const cap = own.yrange || log ? undefined : capOf(curves, metric, finite, params.clip);
  const shown = cap === undefined ? finite : finite.map((v) => Math.min(v, cap));
  const reach = { across: own.parabolas ?? 0.05, up: log ? Infinity : parabolaShare * rangeOf(shown) };
  const parabolas =
    metric === 'loss'
      ? files.flatMap(({ source, curves, axis, factor }) => {
          const look = { factor, style: lines.length, source: source.label };
          return curves.series.flatMap((series) => parabolasOf(series, axis, reach, look));
        })
      : [];
  const levels = [...new Set(chances)]
    .filter((chance) => isNear(chance, shown, log))
    .map((at): RuleMark => ({ type: 'rule', axis: 'y', at, role: 'level', label: 'log $C$' }));
  const domain = own.yrange
    ? ends(own.yrange)
    : cap !== undefined
      ? ([domainOf('linear', shown, 0.06)[0], cap] as const)
      : parabolas.length > 0
        ? // A steep parabola must not press the curve flat.
          domainOf(log ? 'log' : 'linear', [...shown, ...levels.map(({ at }) => at)], 0.1)
        : undefined;
  const series = curves.flatMap((file) => file.series);
  const title = panelTitle(
    { label: first.source.label, series, categories },
    own.title,
    params.stationary ? series.map((one) => valuesOf(one, metric)) : undefined,
  );
  const marks: Mark[] = [...modelRules(files), ...levels, ...lines, ...parabolas, ...ticksOfPaths(content)];
  const panel: PlanePanel = {
    ...(title !== '' && { title }),
    x: {
      label: own.xlabel ?? first.axis.label,
      scale: own['log-x'] ? 'log' : 'linear',
      ...(own.xrange && { domain: ends(own.xrange) }),
    },
    y: {
      label: own.ylabel ?? labelOf(metric),
      scale: log ? 'log' : 'linear',
      ...(domain && { domain }),
      include: levels.map((rule) => rule.at),
    },
    marks,
    legend:
      own.legend ??
      (own.labels !== undefined || files.length > 1 || parabolas.length > 0 || tellsApart(series)),
    ...(cap !== undefined && { remark: clippedRemark(cap) }),
  };
  return own.inset ? { ...panel, inset: enlarged(panel, own.inset) } : panel;
}

interface File {
  readonly source: Source;
  readonly curves: Curves;
  readonly axis: Axis;
  readonly factor: number;
}

/** What tells a curve from those of the other files: the kind of its direction, or else its own name. */
function nameAmong(
  files: readonly { readonly curves: { readonly series: readonly Series[] } }[],
  series: Series,
): string {
  const all = files.flatMap(({ curves }) => curves.series);
  const alike = all.filter(({ direction }) => direction === series.direction).length;
  return alike === 1 ? directionTitle(series.direction) : nameOf(series);
}

/** Members of a folder are called by their numbers, which alone say nothing. */
function nameOf({ name, direction }: Series): string {
  return /^\d+$/u.test(name) ? `${directionTitle(direction)} ${name}` : literal(name);
}

/** Checkpoints projected onto the axis. */
function ticksOfPaths({ sources }: Content): PointsMark[] {
  return sources.flatMap(({ data, label }): PointsMark[] =>
    data.type === 'path'
      ? [
          {
            type: 'points',
            x: data.table.points.map(({ at }) => at[0]!),
            y: data.table.points.map(() => null),
            shape: 'tick',
            style: 5,
            label: 'checkpoints',
            source: label,
          },
        ]
      : [],
  );
}

/** Names help where the directions are of several kinds; five Gaussians are told apart by nobody. */
function tellsApart(series: readonly Series[]): boolean {
  return series.length > 1 && series.length <= 12 && new Set(series.map((s) => s.direction)).size > 1;
}

const rangeOf = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), -Infinity) - values.reduce((a, b) => Math.min(a, b), Infinity);

/** Whether a level lies within the values or not further off than a third of their range. */
function isNear(level: number, values: readonly number[], log: boolean): boolean {
  const scaled = log ? values.filter((v) => v > 0).map(Math.log) : values;
  const at = log ? Math.log(level) : level;
  if (scaled.length === 0) return false;
  const low = scaled.reduce((a, b) => Math.min(a, b));
  const high = scaled.reduce((a, b) => Math.max(a, b));
  return at >= low - (high - low) / 3 && at <= high + (high - low) / 3;
}
