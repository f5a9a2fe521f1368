import { textWidth } from './fonts.ts';
import { literal } from './math-text.ts';
import { type Box, type Item, number, rectangle } from './scene.ts';
import { ink, sizes } from './style.ts';
import { sceneToSvg } from './svg.ts';
import { ascent, centred } from './typography.ts';

/** What happens to a stage, told by its fill. */
const dagStatuses = ['cached', 'will-run', 'executed', 'failed', 'skipped', 'unknown'] as const;
export type DagStatus = (typeof dagStatuses)[number];

export interface Dag {
  readonly nodes: readonly {
    readonly id: string;
    readonly label: string;
    /** Column, from 0 on the left; every edge leads to a larger one. */
    readonly layer: number;
    readonly status?: DagStatus;
  }[];
  /** Pairs of node ids, from and to. */
  readonly edges: readonly (readonly [string, string])[];
}

const fills: Record<DagStatus, { readonly fill: string; readonly stroke: string; readonly words: string }> = {
  cached: { fill: '#d6ebe2', stroke: '#009e73', words: 'cached' },
  'will-run': { fill: '#fbecc9', stroke: '#c98a00', words: 'will run' },
  executed: { fill: '#d3e6f2', stroke: '#0072b2', words: 'executed' },
  failed: { fill: '#f8dccb', stroke: '#d55e00', words: 'failed' },
  skipped: { fill: '#ffffff', stroke: '#999999', words: 'skipped' },
  unknown: { fill: '#eeeeee', stroke: '#777777', words: 'unknown' },
};
const plain = { fill: '#f4f4f4', stroke: ink.frame };

const margin = 6;
const size = sizes.label;
const boxHeight = 18;
const columnGap = 34;
const rowGap = 8;
const sweeps = 12;

/** A node, or a place where an edge that spans layers passes through one. */
interface Slot {
  readonly layer: number;
  readonly node: number | undefined;
  readonly before: Slot[];
  readonly after: Slot[];
  /** Position within the layer. */
  rank: number;
  /** Middle, in points from an arbitrary origin. */
  y: number;
}

/**
 * A graph of stages as a standalone SVG document: layers as columns from left to right, edges that do not run through
 * boxes, few crossings (barycentre sweeps after Sugiyama et al., 1981). The same graph gives the same text.
 */
export function drawDag(dag: Dag): string {
  const { slots, paths } = withPassages(dag);
  const layers = layersOf(slots);
  for (let sweep = 0; sweep < sweeps; sweep++) order(layers, sweep % 2 === 0 ? 'before' : 'after');
  for (let sweep = 0; sweep < sweeps; sweep++) straighten(layers, sweep % 2 === 0 ? 'before' : 'after');
  const widths = layers.map((layer) =>
    Math.max(
      0,
      ...layer.map((slot) => (slot.node === undefined ? 0 : boxWidth(dag.nodes[slot.node]!.label))),
    ),
  );
  const starts = widths.map((_, i) => margin + widths.slice(0, i).reduce((sum, w) => sum + w + columnGap, 0));
  const top = Math.min(...slots.map((s) => s.y - heightOf(s) / 2), Infinity);
  const bottom = Math.max(...slots.map((s) => s.y + heightOf(s) / 2), -Infinity);
  const yOf = (slot: Slot): number => slot.y - top + margin;
  const edges = paths
    .map((path) =>
      edgePath(
        path.map((slot): Box => {
          return { x: starts[slot.layer]!, y: yOf(slot), width: widths[slot.layer]!, height: 0 };
        }),
      ),
    )
    .join('');
  const items: Item[] = edges === '' ? [] : [{ type: 'path', d: edges, stroke: '#888888', width: 0.7 }];
  for (const slot of slots) {
    if (slot.node === undefined) continue;
    const node = dag.nodes[slot.node]!;
    const { fill, stroke } = node.status ? fills[node.status] : plain;
    const box = {
      x: starts[slot.layer]!,
      y: yOf(slot) - boxHeight / 2,
      width: widths[slot.layer]!,
      height: boxHeight,
    };
    items.push(
      { type: 'path', d: roundedBox(box), fill, stroke, width: 0.8 },
      {
        type: 'text',
        x: box.x + box.width / 2,
        y: yOf(slot) + centred * size,
        text: literal(node.label),
        size,
        anchor: 'middle',
      },
    );
  }
  const drawing = slots.length > 0 ? bottom - top : 0;
  const used = dagStatuses.filter((status) => dag.nodes.some((node) => node.status === status));
  const key = drawKey(used, margin, margin + drawing + 12);
  const last = widths.length - 1;
  return sceneToSvg({
    width: Math.ceil(Math.max(last < 0 ? 0 : starts[last]! + widths[last]!, key.width) + margin),
    height: Math.ceil(margin + drawing + (used.length > 0 ? 12 + key.height : 0) + margin),
    title: 'Stages and what they need',
    items: [...items, ...key.items],
  });
}

const boxWidth = (label: string): number => Math.max(34, textWidth(literal(label), size) + 12);
const heightOf = (slot: Slot): number => (slot.node === undefined ? 2 : boxHeight);

function withPassages(dag: Dag): { slots: Slot[]; paths: Slot[][] } {
  const slots = dag.nodes.map(
    (node, i): Slot => ({ layer: node.layer, node: i, before: [], after: [], rank: i, y: 0 }),
  );
  const byId = new Map(dag.nodes.map((node, i) => [node.id, slots[i]!]));
  const paths = dag.edges.flatMap(([from, to]) => {
    const [start, end] = [byId.get(from), byId.get(to)];
    if (!start || !end || start.layer >= end.layer) return [];
    const path = [start];
    for (let layer = start.layer + 1; layer < end.layer; layer++) {
      const passage: Slot = { layer, node: undefined, before: [], after: [], rank: slots.length, y: 0 };
      slots.push(passage);
      path.push(passage);
    }
    path.push(end);
    for (let i = 1; i < path.length; i++) {
      path[i - 1]!.after.push(path[i]!);
      path[i]!.before.push(path[i - 1]!);
    }
    return [path];
  });
  return { slots, paths };
}

function layersOf(slots: readonly Slot[]): Slot[][] {
  const count = slots.reduce((most, s) => Math.max(most, s.layer + 1), 0);
  const layers = Array.from({ length: count }, (_, layer) => slots.filter((s) => s.layer === layer));
  for (const layer of layers)
    layer.forEach((slot, i) => {
      slot.rank = i;
      slot.y = i * (boxHeight + rowGap);
    });
  return layers;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Sorts each layer by the mean rank of its neighbours on one side; without neighbours a slot keeps its place. */
function order(layers: readonly Slot[][], side: 'before' | 'after'): void {
  for (const layer of side === 'before' ? layers : [...layers].reverse()) {
    const wanted = new Map(
      layer.map((slot) => [slot, slot[side].length > 0 ? mean(slot[side].map((s) => s.rank)) : slot.rank]),
    );
    layer.sort((a, b) => wanted.get(a)! - wanted.get(b)! || a.rank - b.rank);
    layer.forEach((slot, i) => {
      slot.rank = i;
    });
  }
}

/**
 * Moves each layer's slots to the mean height of their neighbours as nearly as the order and the gaps allow: least
 * squares under order constraints, solved exactly by pooling adjacent violators.
 */
function straighten(layers: readonly Slot[][], side: 'before' | 'after'): void {
  for (const layer of side === 'before' ? layers : [...layers].reverse()) {
    const offsets: number[] = [];
    layer.forEach((slot, i) => {
      const above = layer[i - 1];
      offsets.push(above ? offsets[i - 1]! + (heightOf(above) + heightOf(slot)) / 2 + rowGap : 0);
    });
    const pools: { sum: number; count: number }[] = [];
    layer.forEach((slot, i) => {
      const wish = slot[side].length > 0 ? mean(slot[side].map((s) => s.y)) : slot.y;
      pools.push({ sum: wish - offsets[i]!, count: 1 });
      while (pools.length > 1 && level(pools.at(-2)!) > level(pools.at(-1)!)) {
        const last = pools.pop()!;
        pools.at(-1)!.sum += last.sum;
        pools.at(-1)!.count += last.count;
      }
    });
    let i = 0;
    for (const pool of pools)
      for (let k = 0; k < pool.count; k++, i++) layer[i]!.y = level(pool) + offsets[i]!;
  }
}

const level = (pool: { readonly sum: number; readonly count: number }): number => pool.sum / pool.count;

/** From the right side of the first box through the passages to the left side of the last. */
function edgePath(places: readonly Box[]): string {
  return places
    .slice(1)
    .map((place, i) => {
      const from = places[i]!;
      const start = from.x + from.width;
      const bend = (start + place.x) / 2;
      const straight = i + 2 < places.length ? `H${number(place.x + place.width)}` : '';
      const move = i === 0 ? `M${number(start)} ${number(from.y)}` : '';
      return `${move}C${number(bend)} ${number(from.y)} ${number(bend)} ${number(place.y)} ${number(place.x)} ${number(place.y)}${straight}`;
    })
    .join('');
}

function roundedBox({ x, y, width, height }: Box): string {
  const r = 3;
  const arc = (dx: number, dy: number): string => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
  return `M${number(x + r)} ${number(y)}H${number(x + width - r)}${arc(r, r)}V${number(y + height - r)}${arc(-r, r)}H${number(x + r)}${arc(-r, -r)}V${number(y + r)}${arc(r, -r)}Z`;
}

function drawKey(
  used: readonly DagStatus[],
  left: number,
  top: number,
): { items: Item[]; width: number; height: number } {
  let x = left;
  const items = used.flatMap((status): Item[] => {
    const { fill, stroke, words } = fills[status];
    const swatch = { x, y: top, width: 9, height: 7 };
    const at = x + 12;
    x = at + textWidth(words, sizes.tick) + 10;
    return [
      { type: 'path', d: rectangle(swatch), fill, stroke, width: 0.7 },
      {
        type: 'text',
        x: at,
        y: top + 3.5 + centred * sizes.tick,
        text: words,
        size: sizes.tick,
        anchor: 'start',
      },
    ];
  });
  return { items, width: x, height: Math.max(7, ascent * sizes.tick) };
}
