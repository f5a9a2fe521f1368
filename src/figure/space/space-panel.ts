import type { SpacePanel } from '../figure.ts';
import type { DrawnPanel, FittedPanel } from '../fitted.ts';
import { wrapWords } from '../fonts.ts';
import type { KeyEntry } from '../key.ts';
import type { Box } from '../scene.ts';
import { ruleStroke, sizes } from '../style.ts';
import type { Measure } from '../typography.ts';
import { drawSpace, fitSpaceScene } from './surface.ts';

/** A view of a surface, as large as its frame allows with all its numbers inside. */
export function fitSpace(panel: SpacePanel, width: number, _height: number, measure: Measure): FittedPanel {
  const key = panel.surface.points.map(
    (p): KeyEntry => ({ label: p.label, symbol: { type: 'dot', fill: ruleStroke[p.role].stroke } }),
  );
  return {
    panel,
    xLabel: '',
    yLabel: '',
    title: panel.title ? wrapWords(panel.title, sizes.panelTitle, width) : [],
    left: 0,
    right: 0,
    foot: 0,
    alone: true,
    fills: true,
    draw: (frame: Box): DrawnPanel => ({
      items: [
        {
          type: 'group',
          name: 'space',
          items: drawSpace(panel, fitSpaceScene(panel, frame, measure), measure),
        },
      ],
      key,
    }),
  };
}
