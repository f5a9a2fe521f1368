import type { Box, Scene, TextItem } from '../../src/figure/scene.ts';
import { textBox, textsOf } from '../../src/figure/text-box.ts';

const cut = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Pairs of texts whose boxes, by the fonts' metrics, share a point, and texts that leave the page. */
export function collisions(scene: Scene): string[] {
  const texts = textsOf(scene.items).map((item) => ({ item, box: textBox(item) }));
  const name = (item: TextItem): string => `"${item.text}" at ${item.x.toFixed(1)}, ${item.y.toFixed(1)}`;
  const found: string[] = [];
  texts.forEach((a, i) => {
    const { x, y, width, height } = a.box;
    if (x < 0 || y < 0 || x + width > scene.width || y + height > scene.height)
      found.push(`${name(a.item)} off the page`);
    for (const b of texts.slice(i + 1))
      if (cut(a.box, b.box)) found.push(`${name(a.item)} on ${name(b.item)}`);
  });
  return found;
}
