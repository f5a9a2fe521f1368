/** What panels have in common: the axes of a grid, or of the frames of one panel. */
import type { Axis, Panel, PlanePanel, Sample, SurfaceMark } from '../../src/figure/figure.ts';
import { domainOf } from '../../src/figure/scale.ts';
import type { RenderParameters } from './parameters.ts';

/** Gives panels the same axes. One has numbers unless its neighbour at the left, or below, has the same ones. */
export function shareAxes(
  panels: readonly Panel[],
  columns: number,
  share: RenderParameters['share'],
): Panel[] {
  if (share === 'none') return [...panels];
  const rowOf = (i: number): number => Math.floor(i / columns);
  return panels.map((panel, i) => {
    const group = share === 'all' ? panels : panels.filter((_, k) => rowOf(k) === rowOf(i));
    const [left, below] = [i % columns === 0 ? undefined : panels[i - 1], panels[i + columns]];
    return onScalesOf(panel, group, {
      values: !canShare(panel, left, 'y'),
      ...(share === 'all' && { across: !canShare(panel, below, 'x') }),
    });
  });
}

/**
 * A panel with the scales that hold a whole group of panels, as far as they can be shared.
 * @param numbered whether its axis of values has numbers, and its other one; where nothing is said of the latter, that
 * one stays its own.
 */
export function onScalesOf(
  panel: Panel,
  group: readonly Panel[],
  numbered: { readonly values: boolean; readonly across?: boolean },
): Panel {
  if (panel.kind === 'space') {
    const domains = group.flatMap((p) =>
      p.kind === 'space' && p.z.scale === panel.z.scale ? [valuesDomain(p)] : [],
    );
    return { ...panel, z: { ...panel.z, domain: union(domains) } };
  }
  const field = fieldOf(panel);
  if (field) {
    const others = group.flatMap((p) => fieldOf(p) ?? []).filter(({ scale }) => scale === field.scale);
    const domain = union(others.map((m) => m.domain ?? domainOf(m.scale, shownOf(m.values, m.cap), 0)));
    return { ...panel, marks: panel.marks.map((m) => (m.type === 'surface' ? { ...m, domain } : m)) };
  }
  return {
    ...panel,
    y: sharedAxis(panel, group, 'y', numbered.values),
    ...(numbered.across !== undefined && { x: sharedAxis(panel, group, 'x', numbered.across) }),
  };
}

/** The values over a plane, of a flat panel that has them. */
const fieldOf = (panel: Panel): SurfaceMark | undefined =>
  panel.kind === 'space' ? undefined : panel.marks.find((m) => m.type === 'surface');

/** Whether one axis can serve two panels: of curves, bars or points, with numbers, both logarithmic or neither. */
function canShare(panel: Panel, other: Panel | undefined, axis: 'x' | 'y'): other is PlanePanel {
  const scale = (p: Panel | undefined): Axis['scale'] | undefined =>
    !p || p.kind === 'space' || fieldOf(p) || p[axis].categories ? undefined : p[axis].scale;
  return scale(panel) !== undefined && scale(panel) === scale(other);
}

function sharedAxis(panel: PlanePanel, group: readonly Panel[], axis: 'x' | 'y', numbered: boolean): Axis {
  if (panel[axis].categories) return panel[axis];
  const domains = group
    .filter((other) => canShare(panel, other, axis))
    .map((p) => {
      const { domain, scale, include = [] } = p[axis];
      return domain ?? domainOf(scale, [...extent(p, axis), ...include], 0.05);
    });
  return { ...panel[axis], domain: union(domains), numbered };
}

const union = (domains: readonly (readonly [number, number])[]): readonly [number, number] => [
  Math.min(...domains.map(([low]) => low)),
  Math.max(...domains.map(([, high]) => high)),
];

const shownOf = (values: readonly (number | null)[], cap: number | undefined): number[] =>
  values.flatMap((v) => (v === null ? [] : [cap === undefined ? v : Math.min(v, cap)]));

const valuesDomain = (panel: Extract<Panel, { kind: 'space' }>): readonly [number, number] =>
  panel.z.domain ?? domainOf(panel.z.scale, shownOf(panel.surface.values, panel.surface.cap), 0.02);

/** Values that a panel's marks have on an axis. */
function extent({ marks }: PlanePanel, axis: 'x' | 'y'): number[] {
  const known = (values: readonly Sample[]): number[] => values.filter((v) => v !== null);
  return marks.flatMap((mark): number[] => {
    switch (mark.type) {
      case 'bars':
        return axis === 'x' ? [...mark.from, ...mark.to] : [0, ...known(mark.height)];
      case 'line':
        return known(mark[axis]);
      case 'points':
        return mark.shape === 'tick' && axis === 'y' ? [] : known(mark[axis]);
      case 'segments':
        return mark.pieces.flatMap((piece) => known(piece[axis]));
      default:
        return [];
    }
  });
}
