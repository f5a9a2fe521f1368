/** What panels have in common: the axes of a grid, or of the frames of one panel. */
import type { Axis, Panel, PlanePanel, Sample } from '../../src/figure/figure.ts';
import { domainOf } from '../../src/figure/scale.ts';
import type { RenderParameters } from './parameters.ts';

/** Gives panels the same axes; numbers stay at the left and the lower edge of the grid. */
export function shareAxes(
  panels: readonly Panel[],
  columns: number,
  share: RenderParameters['share'],
): Panel[] {
  if (share === 'none') return [...panels];
  const rowOf = (i: number): number => Math.floor(i / columns);
  const alike = (i: number): readonly Panel[] =>
    share === 'all' ? panels : panels.filter((_, k) => rowOf(k) === rowOf(i));
  return panels.map((panel, i) =>
    onScalesOf(panel, alike(i), {
      values: i % columns === 0,
      ...(share === 'all' && { across: i + columns >= panels.length }),
    }),
  );
}

/**
 * A panel with the scales that hold a whole group of panels.
 * @param numbered whether its axis of values has numbers, and its other one; where nothing is said of the latter, that
 * one stays its own.
 */
export function onScalesOf(
  panel: Panel,
  group: readonly Panel[],
  numbered: { readonly values: boolean; readonly across?: boolean },
): Panel {
  if (panel.kind === 'space') {
    const domain = union(group.flatMap((p) => (p.kind === 'space' ? [valuesDomain(p)] : [])));
    return { ...panel, z: { ...panel.z, domain } };
  }
  const planes = group.filter((p): p is PlanePanel => p.kind !== 'space');
  if (panel.marks.some((m) => m.type === 'surface')) {
    const values = planes.flatMap((p) =>
      p.marks.flatMap((m) =>
        m.type === 'surface' ? [m.domain ?? domainOf(m.scale, shownOf(m.values, m.cap), 0)] : [],
      ),
    );
    const domain = union(values);
    return {
      ...panel,
      marks: panel.marks.map((m) => (m.type === 'surface' ? { ...m, domain } : m)),
    };
  }
  const y = sharedAxis(
    panel.y,
    planes.map((p) => [p.y, extent(p, 'y')] as const),
    numbered.values,
  );
  if (numbered.across === undefined || panel.x.categories) return { ...panel, y };
  const x = sharedAxis(
    panel.x,
    planes.map((p) => [p.x, extent(p, 'x')] as const),
    numbered.across,
  );
  return { ...panel, x, y };
}

function sharedAxis(
  axis: Axis,
  all: readonly (readonly [Axis, readonly number[]])[],
  numbered: boolean,
): Axis {
  const domain = union(
    all.map(([one, values]) => one.domain ?? domainOf(one.scale, [...values, ...(one.include ?? [])], 0.05)),
  );
  return { ...axis, domain, numbered };
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
