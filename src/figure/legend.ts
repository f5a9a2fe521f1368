import type { Mark, PlanePanel } from './figure.ts';
import type { KeyEntry } from './key.ts';
import { lineStroke, sizes } from './style.ts';

/** What the labelled marks of a panel mean, in their order. */
export function legendOf(panel: PlanePanel): KeyEntry[] {
  return panel.marks.flatMap((mark): KeyEntry[] => {
    if (mark.type === 'rule' || mark.type === 'surface' || !mark.label) return [];
    return [{ label: mark.label, symbol: symbolOf(mark) }];
  });
}

function symbolOf(mark: Exclude<Mark, { type: 'rule' | 'surface' }>): KeyEntry['symbol'] {
  const stroke = lineStroke(mark.style);
  if (mark.type === 'bars') return { type: 'box', fill: stroke.stroke };
  if (mark.type === 'points' && mark.shape === 'tick') return { type: 'line', stroke, upright: true };
  if (mark.type === 'points') return { type: 'dot', fill: stroke.stroke };
  if (mark.type === 'segments')
    return { type: 'line', stroke: { ...stroke, width: sizes.segment }, upright: false };
  return { type: 'line', stroke, upright: false };
}
