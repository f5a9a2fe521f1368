import type { Figure, Panel, PlanePanel } from './figure.ts';
import { legendOf } from './legend.ts';

/**
 * The figure with what its panels would say several times left to the key below them: a legend that is the same in all
 * frames that have one, and the name of a level that lines of more than one column have. Frames get the room.
 */
export function sharedNames(figure: Figure): Figure {
  const sharesLegend = isOneLegend(figure.panels);
  const levels = levelsOfColumns(figure);
  if (!sharesLegend && levels.size === 0) return figure;
  const panels = figure.panels.map((panel): Panel => {
    if (panel.kind === 'space') return panel;
    const marks = panel.marks.map((mark) =>
      mark.type === 'rule' && mark.axis === 'y' && levels.has(mark.label)
        ? { ...mark, inKey: true as const }
        : mark,
    );
    return { ...panel, marks, legend: sharesLegend && panel.legend ? 'key' : panel.legend };
  });
  return { ...figure, panels };
}

const planes = (panels: readonly Panel[]): PlanePanel[] => panels.filter((p) => p.kind !== 'space');

function isOneLegend(panels: readonly Panel[]): boolean {
  const legends = planes(panels)
    .filter(({ legend }) => legend)
    .map((panel) => JSON.stringify(legendOf(panel)));
  return legends.length > 1 && legends[0] !== '[]' && new Set(legends).size === 1;
}

/** Names of horizontal lines that stand in more than one column. */
function levelsOfColumns({ panels, columns, frames = [] }: Figure): Set<string> {
  const found = new Map<string, Set<number>>();
  // In any frame of a figure that moves, so that its panels do not.
  for (const shown of [panels, ...frames.map((frame) => frame.panels)])
    shown.forEach((panel, i) => {
      if (panel.kind === 'space') return;
      for (const mark of panel.marks)
        if (mark.type === 'rule' && mark.axis === 'y' && mark.label !== '')
          found.set(mark.label, (found.get(mark.label) ?? new Set()).add(i % columns));
    });
  return new Set([...found].filter(([, at]) => at.size > 1).map(([label]) => label));
}
