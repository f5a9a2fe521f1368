import { textWidth } from './fonts.ts';
import { parseMath } from './math-text.ts';
import type { Box, Item, TextItem } from './scene.ts';
import { ascent, descent, scriptShift, scriptSize } from './typography.ts';

/** The box a text covers, from the fonts' metrics; of a turned text, the upright box around it. */
export function textBox(item: TextItem): Box {
  const width = textWidth(item.text, item.size, item.bold);
  const runs = parseMath(item.text);
  const up = runs.some((r) => r.shift > 0) ? Math.max(ascent, scriptShift.up + ascent * scriptSize) : ascent;
  const before = item.anchor === 'start' ? 0 : item.anchor === 'middle' ? width / 2 : width;
  const turn = ((item.angle ?? 0) * Math.PI) / 180;
  const corners = [-before, width - before].flatMap((along) =>
    [up * item.size, -descent * item.size].map((above): readonly [number, number] => [
      item.x + along * Math.cos(turn) - above * Math.sin(turn),
      item.y - along * Math.sin(turn) - above * Math.cos(turn),
    ]),
  );
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

export function textsOf(items: readonly Item[]): TextItem[] {
  return items.flatMap((item) =>
    item.type === 'group' ? textsOf(item.items) : item.type === 'text' ? [item] : [],
  );
}
