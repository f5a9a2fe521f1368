import type { Panel } from './figure.ts';
import type { FittedPanel } from './fitted.ts';
import { textWidth } from './fonts.ts';
import { fitPlane } from './plane-panel.ts';
import type { Box, Item } from './scene.ts';
import { fitSpace } from './space/space-panel.ts';
import { ink, sizes } from './style.ts';

export function fitPanel(panel: Panel, width: number, height: number): FittedPanel {
  return panel.kind === 'space' ? fitSpace(panel, width, height, textWidth) : fitPlane(panel, width, height);
}

const lineHeight = 1.25;

/** Height above the frame that title and remark take. */
export function headHeight(fitted: FittedPanel): number {
  const title = fitted.title.length * lineHeight * sizes.panelTitle;
  const remark = fitted.panel.remark ? lineHeight * sizes.small : 0;
  return title + remark + (title + remark > 0 ? 2.5 : 0.38 * sizes.tick);
}

/** Title and remark, centred above the frame. */
export function drawHead(fitted: FittedPanel, frame: Box): Item[] {
  const middle = frame.x + frame.width / 2;
  const { remark } = fitted.panel;
  const items: Item[] = [];
  let bottom = frame.y - 2.5;
  if (remark) {
    items.push({
      type: 'text',
      x: middle,
      y: bottom - 0.24 * sizes.small,
      text: remark,
      size: sizes.small,
      anchor: 'middle',
      fill: ink.faint,
    });
    bottom -= lineHeight * sizes.small;
  }
  [...fitted.title].reverse().forEach((text, i) => {
    const y = bottom - 0.24 * sizes.panelTitle - i * lineHeight * sizes.panelTitle;
    items.push({ type: 'text', x: middle, y, text, size: sizes.panelTitle, anchor: 'middle' });
  });
  return items;
}
