import { ticks } from 'd3-array';
import { format } from 'd3-format';
import type { ColourMap, Sample } from '../figure.ts';
import { domainOf, numberText, type Scale, scaleOf } from '../scale.ts';
import { type Box, type Item, line, rectangle } from '../scene.ts';
import { ink, mapColour } from '../style.ts';
import { centred } from '../typography.ts';

/** The bands of a filled contour plot: `edges[i]` to `edges[i + 1]` is painted in `colours[i]`. */
export interface Bands {
  readonly edges: readonly number[];
  readonly colours: readonly string[];
  /** Bar from 0 to 1 on the scale of the values. */
  readonly scale: Scale;
  /** Values of the bar's labels where they are others than the edges. */
  readonly labelled?: readonly number[];
}

/** What decides the colours of values. */
export interface Coloured {
  readonly values: readonly Sample[];
  readonly scale: 'linear' | 'log';
  readonly map: ColourMap;
  readonly cap?: number;
  readonly domain?: readonly [number, number];
}

export const capped = (cap: number | undefined, value: number): number =>
  cap === undefined ? value : Math.min(value, cap);

/** The samples that are finite, cut off at the cap. */
export function shownValues(mark: Pick<Coloured, 'values' | 'cap'>): number[] {
  return mark.values.filter((v): v is number => v !== null).map((v) => capped(mark.cap, v));
}

/** Round levels between the smallest and the largest value, about a dozen bands. */
export function bandsOf(mark: Coloured): Bands {
  const [low, high] = domainOf(mark.scale, mark.domain ?? shownValues(mark), 0);
  const wanted = 12;
  const inner = mark.scale === 'log' ? logLevels(low, high, wanted) : ticks(low, high, wanted);
  const step = inner.length > 1 ? inner[1]! - inner[0]! : 0;
  // On a linear scale the outer bands are as wide as the others; on a log scale they end at the values themselves.
  const whole = mark.scale === 'linear' && step > 0;
  const edges = [...inner];
  if (edges.length === 0 || edges[0]! > low) edges.unshift(whole ? edges[0]! - step : low);
  if (edges.length < 2 || edges.at(-1)! < high) edges.push(whole ? edges.at(-1)! + step : high);
  const scale = scaleOf(mark.scale, [edges[0]!, edges.at(-1)!]);
  const colours = edges
    .slice(1)
    .map((edge, i) => mapColour(mark.map, (scale.at(edges[i]!) + scale.at(edge)) / 2));
  return { edges, colours, scale };
}

/** As many thin bands as the eye takes for a continuous scale, labelled like `bandsOf`: for a heat map. */
export function continuousBands(mark: Coloured): Bands {
  const [low, high] = domainOf(mark.scale, mark.domain ?? shownValues(mark), 0);
  const scale = scaleOf(mark.scale, [low, high]);
  const count = 64;
  const edges = Array.from({ length: count + 1 }, (_, k) =>
    mark.scale === 'log' ? low * (high / low) ** (k / count) : low + ((high - low) * k) / count,
  );
  const colours = Array.from({ length: count }, (_, k) => mapColour(mark.map, (k + 0.5) / count));
  const inner = mark.scale === 'log' ? logLevels(low, high, 10) : ticks(low, high, 8);
  return { edges, colours, scale, labelled: inner };
}

function logLevels(low: number, high: number, wanted: number): number[] {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  const sets = [[1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]];
  for (const set of sets) {
    const levels: number[] = [];
    for (let k = Math.floor(a); k <= b; k++)
      levels.push(...set.map((m) => m * 10 ** k).filter((v) => v >= low && v <= high));
    if (levels.length <= wanted + 4) return levels;
  }
  const every = Math.ceil((b - a) / wanted);
  return ticks(Math.ceil(a / every), Math.floor(b / every), wanted).map((k) => 10 ** (k * every));
}

/** The colour bar inside `bar`, with its tick labels to the right. */
export function drawColourBar(
  bands: Bands,
  bar: Box,
  labels: readonly { at: number; text: string }[],
  size: number,
): Item[] {
  const items: Item[] = [];
  const heightOf = (value: number): number => bar.y + bar.height * (1 - bands.scale.at(value));
  bands.colours.forEach((fill, i) => {
    const [low, high] = [heightOf(bands.edges[i]!), heightOf(bands.edges[i + 1]!)];
    // Each band reaches under the next one, so that no seam of paper shows between them.
    const rest = i + 1 < bands.colours.length ? high - 0.3 : high;
    items.push({
      type: 'path',
      d: rectangle({ x: bar.x, y: rest, width: bar.width, height: low - rest }),
      fill,
    });
  });
  items.push({ type: 'path', d: rectangle(bar), stroke: ink.frame, width: 0.5 });
  const marks = labels.map((t) =>
    line([
      [bar.x + bar.width, heightOf(t.at)],
      [bar.x + bar.width + 2, heightOf(t.at)],
    ]),
  );
  if (marks.length > 0) items.push({ type: 'path', d: marks.join(''), stroke: ink.frame, width: 0.5 });
  for (const tick of labels)
    items.push({
      type: 'text',
      x: bar.x + bar.width + 3.4,
      y: heightOf(tick.at) + centred * size,
      text: tick.text,
      size,
      anchor: 'start',
    });
  return items;
}

/** The numbers with as many decimals in each as one of them needs, as an axis has them; powers of ten as they are. */
function alike(values: readonly number[]): string[] {
  const texts = values.map(numberText);
  if (texts.some((text) => text.includes('$'))) return texts;
  const write = format(`.${Math.max(0, ...texts.map((text) => text.split('.')[1]?.length ?? 0))}f`);
  return values.map((value) => write(value));
}

/** Labels of the colour bar: the edges of bands, thinned until they stand apart. */
export function barLabels(bands: Bands, height: number, size: number): { at: number; text: string }[] {
  const places = bands.labelled ?? bands.edges;
  for (let every = 1; every <= places.length; every++) {
    const kept = places.filter((_, i) => i % every === 0);
    const apart = kept.every(
      (edge, i) => i === 0 || (bands.scale.at(edge) - bands.scale.at(kept[i - 1]!)) * height >= 1.4 * size,
    );
    if (apart) {
      const texts = bands.scale.kind === 'log' ? kept.map(numberText) : alike(kept);
      return kept.map((at, i) => ({ at, text: texts[i]! }));
    }
  }
  return [];
}
