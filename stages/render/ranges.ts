/** Which intervals an axis can show: from a smaller number to a larger one, and above 0 where it is logarithmic. */
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { Panel } from '../../src/figure/figure.ts';
import type { Content } from './compose.ts';
import type { PanelParameters, RenderParameters } from './parameters.ts';

const names = ['xrange', 'yrange', 'zrange'] as const;

/** Ranges that no axis can show, before anything runs. */
export function checkRanges(params: RenderParameters): { pointer: string; message: string }[] {
  return params.panels.flatMap((panel, i) => {
    const plot = panel.plot ?? params.plot;
    const log = logarithmic(panel, plot, params.log);
    // Only curves have insets.
    const inside = plot === undefined ? logarithmic(panel, 'curves', params.log) : log;
    return [
      ...names.map((name) => ({ name, place: name, range: panel[name], log: log[name] })),
      ...(['xrange', 'yrange'] as const).map((name) => ({
        place: `inset/${name}`,
        range: panel.inset?.[name],
        log: inside[name],
      })),
    ].flatMap(({ place, range, log: above }) => {
      const pointer = `/panels/${i}/${place}`;
      if (!range) return [];
      if (!(range[0]! < range[1]!))
        return [{ pointer, message: 'must go from a smaller to a larger number' }];
      return above && range[0]! <= 0
        ? [{ pointer, message: 'must lie above 0, because the axis is logarithmic' }]
        : [];
    });
  });
}

/**
 * Which axes are certain to be logarithmic. Without `plot` the inputs decide, which are not known yet: whether y is an
 * axis of values or one of a plane, `refuseRange` sees.
 */
function logarithmic(
  panel: PanelParameters,
  plot: RenderParameters['plot'],
  ofFigure: boolean,
): Record<(typeof names)[number], boolean> {
  const values = panel.log ?? ofFigure;
  const tables = plot === 'histogram' || plot === 'bars';
  return {
    xrange: panel['log-x'] === true && (plot === undefined || plot === 'curves'),
    yrange: plot === 'density' || (plot === 'curves' && values) || (tables && panel.log === true),
    zrange: values && plot !== 'curves' && plot !== 'density' && !tables,
  };
}

/** Fails with a diagnostic where a panel turned out to have a logarithmic axis of values that it cannot show. */
export function refuseRange(panel: Panel, { sources }: Content): void {
  if (panel.kind === 'space' || panel.y.scale !== 'log' || !panel.y.domain || panel.y.domain[0] > 0) return;
  throw new UserError({
    severity: 'error',
    code: 'bad-parameters',
    message: `"yrange" of the panel of ${sources.map(({ label }) => label).join(', ')} begins at ${panel.y.domain[0]}, but the axis is logarithmic`,
    expected: 'a range above 0',
  });
}
