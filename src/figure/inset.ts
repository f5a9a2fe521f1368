import type { PlanePanel } from './figure.ts';
import type { FittedPanel, PlacedPanel } from './fitted.ts';
import { type Box, type Item, rectangle } from './scene.ts';
import { ink } from './style.ts';

/** Share of the frame that an inset's own frame takes. */
const share = { width: 0.42, height: 0.36 } as const;
const margin = 4;

/**
 * A small panel inside a frame, on paper, in the corner where it hides fewest obstacles. It has no titles, no axis labels
 * and no names of levels: it shows the same quantities.
 */
export function insetOf(
  panel: PlanePanel,
  fitTo: (panel: PlanePanel, width: number, height: number) => FittedPanel,
  obstacles: readonly (readonly [number, number])[],
  frame: Box,
): { readonly items: readonly Item[]; readonly placed: PlacedPanel } {
  const [width, height] = [share.width * frame.width, share.height * frame.height];
  // The names of levels stand beside the large frame.
  const marks = panel.marks.map((mark) => (mark.type === 'rule' ? { ...mark, label: '' } : mark));
  const fitted = fitTo({ ...panel, marks, legend: false }, width, height);
  const whole = { width: fitted.left + width + 3, height: height + fitted.foot + 3 };
  const [left, right] = [frame.x + margin, frame.x + frame.width - margin - whole.width];
  const [top, bottom] = [frame.y + margin, frame.y + frame.height - margin - whole.height];
  const places: Box[] = [
    [right, top],
    [left, top],
    [right, bottom],
    [left, bottom],
    [frame.x + (frame.width - whole.width) / 2, top],
  ].map(([x, y]) => ({ x: x!, y: y!, ...whole }));
  const hidden = places.map(
    (box) =>
      obstacles.filter(([x, y]) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height)
        .length,
  );
  const box = places[hidden.indexOf(Math.min(...hidden))]!;
  const own = { x: box.x + fitted.left, y: box.y + 3, width, height };
  return {
    items: [
      { type: 'path', d: rectangle(box), fill: ink.paper },
      { type: 'group', name: 'inset', items: fitted.draw(own).items },
    ],
    placed: { frame: own, ...(fitted.scales && { scales: fitted.scales }) },
  };
}
