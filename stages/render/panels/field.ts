import type { MarkedPoint, Panel, PathMark, SurfaceMark } from '../../../src/figure/figure.ts';
import type { Axis } from '../../../src/landscape/curves.ts';
import type { Content } from '../compose.ts';
import { labelsOf } from '../labels.ts';
import type { RenderParameters } from '../parameters.ts';
import { panelTitle } from '../title.ts';
import {
  cannotPlot,
  capOf,
  clippedRemark,
  curvesIn,
  ends,
  labelOf,
  roleNames,
  sample,
  valuesOf,
} from './common.ts';

/** Values over a plane: fills, lines, cells, or a surface in space; paths of checkpoints over the flat ones. */
export function fieldPanel(content: Content, params: RenderParameters): Panel {
  const { own, plot } = content;
  const [file] = curvesIn(content, 2);
  if (!file) throw cannotPlot(content, 'values over two axes: the input `y` of `evaluate` makes them');
  const { curves, source } = file;
  const [x, y] = curves.axes as readonly [Axis, Axis];
  const series = curves.series[content.series]!;
  const metric = own.metric ?? params.metric;
  const values = valuesOf(series, metric);
  const log = own.log ?? params.log;
  const one = { ...curves, series: [series] };
  const cap = log ? undefined : capOf([one], metric, values.filter(Number.isFinite), params.clip);
  const title = panelTitle({ label: source.label, series: [series], categories: [] }, own.title, undefined);
  const head = {
    ...(title !== '' && { title }),
    ...(cap !== undefined && { remark: clippedRemark(cap) }),
  };
  const axis = (given: Axis, label: string | undefined, range: readonly number[] | undefined) => ({
    label: label ?? given.label,
    scale: 'linear' as const,
    ...(range && { domain: ends(range) }),
  });
  const surface = {
    x: x.values,
    y: y.values,
    values: values.map(sample),
    map: params.colours,
    ...(cap !== undefined && { cap }),
    points: markedPoints(x, y),
    source: source.label,
  };
  const label = own.zlabel ?? labelOf(metric);
  const scale = log ? 'log' : 'linear';
  if (plot === 'surface')
    return {
      kind: 'space',
      ...head,
      x: axis(x, own.xlabel, own.xrange),
      y: axis(y, own.ylabel, own.yrange),
      z: { label, scale, ...(own.zrange && { domain: ends(own.zrange) }) },
      view: { azimuth: own.view?.azimuth ?? -55, elevation: own.view?.elevation ?? 28 },
      surface,
    };
  const mark: SurfaceMark = {
    type: 'surface',
    form: plot === 'contours' || plot === 'heat' ? plot : 'filled',
    ...surface,
    scale,
    label,
    ...(own.zrange && { domain: ends(own.zrange) }),
  };
  const paths = pathsIn(content);
  return {
    ...head,
    x: axis(x, own.xlabel, own.xrange),
    y: axis(y, own.ylabel, own.yrange),
    marks: [mark, ...paths],
    legend: own.legend ?? paths.length > 0,
  };
}

/** Checkpoints in the coordinates of the plane. */
function pathsIn(content: Content): PathMark[] {
  const sources = content.sources.filter(({ data }) => data.type === 'path');
  const labels = labelsOf(
    content,
    sources.map((source) => ({ source, name: 'trajectory' })),
    'trajectories',
  );
  return sources.map(({ data, label }, i) => {
    const points = data.type === 'path' ? data.table.points : [];
    return {
      type: 'path',
      x: points.map(({ at }) => at[0]!),
      y: points.map(({ at }) => at[1] ?? 0),
      // Vermillion first: it stands out on the greens and blues of the maps.
      style: 5 - (i % 6),
      label: labels[i]!,
      source: label,
    };
  });
}

/** The model where both axes mark it; a target where one axis marks it and the other is at the model. */
function markedPoints(x: Axis, y: Axis): MarkedPoint[] {
  const origin = [x, y].map((axis) => axis.marks.find((mark) => mark.role === 'model')?.at);
  const [x0, y0] = origin;
  if (x0 === undefined || y0 === undefined) return [];
  const point = (role: 'model' | 'target', at: number, other: number): MarkedPoint => ({
    x: at,
    y: other,
    role,
    label: roleNames[role],
  });
  return [
    point('model', x0, y0),
    ...x.marks.filter(({ role }) => role === 'target').map(({ at }) => point('target', at, y0)),
    ...y.marks.filter(({ role }) => role === 'target').map(({ at }) => point('target', x0, at)),
  ];
}
