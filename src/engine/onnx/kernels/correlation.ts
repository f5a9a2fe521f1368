/**
 * The gradient of a convolution by its kernel: K[r, s] = Σ over examples and pixels of x, moved by the tap (r, s), times
 * dy. ONNX has no operation for it; here it is batched matrix products.
 *
 * With stride 1 it is enough to move x by rows and dy by columns: Σ x[h + r, w + s]·dy[h, w] = Σ x[h + r, w]·dy[h, w - s].
 * So two moved copies of each (the tap in the middle needs none) serve the nine taps of a 3x3 kernel, and the columns'
 * copies lie side by side in one factor.
 */
import type { GraphNode } from '../graph.ts';
import { type Lowering, nchwc } from '../lowering.ts';
import { sizeOf } from '../value.ts';
import { pointwise } from './one-pass.ts';

type Pair = readonly [number, number];

export interface Correlated {
  /** Which axes of its node are what. */
  readonly x: { readonly node: GraphNode; readonly examples: number; readonly channels: number };
  readonly dy: {
    readonly node: GraphNode;
    readonly examples: number;
    readonly channels: number;
    readonly rows: number;
    readonly columns: number;
  };
  /** Of x: top, left, bottom, right; negative where its last rows and columns are not reached. */
  readonly pads: readonly [number, number, number, number];
  /** How far apart in x the neighbours in dy are: the convolution's strides. */
  readonly steps: readonly [number, number];
  /** How far apart in x neighbouring taps are: the convolution's dilations. */
  readonly spacing?: readonly [number, number];
  /** Rows and columns of the kernel. */
  readonly taps: readonly [number, number];
}

/** @returns the name of an array [channels of x, rows, columns, channels of dy]. */
export function correlation(g: Lowering, given: Correlated): string {
  const { x, dy, pads, steps, spacing = [1, 1], taps } = given;
  const [rows, columns] = [dy.node.shape[dy.rows]!, dy.node.shape[dy.columns]!];
  const from = x.node.shape[x.channels]!;
  const to = dy.node.shape[dy.channels]!;
  const n = x.node.shape[x.examples]!;
  const spatial = [0, 1, 2, 3].filter((axis) => axis !== x.examples && axis !== x.channels);
  const maps = (): string => g.as(x.node, [x.examples, x.channels, ...spatial]);
  const upstream = g.as(dy.node, [dy.examples, dy.channels, dy.rows, dy.columns]);
  const height = x.node.shape[spatial[0]!]!;
  const width = x.node.shape[spatial[1]!]!;

  const [top, left] = pads;

  /** [n, a, pixels] times [n, pixels, b], summed over examples: [a, b]. */
  const summed = (first: string, second: string): string => {
    const products = g.node('FusedMatMul', [first, second], { transA: 0, transB: 1 }, 'com.microsoft');
    return g.node('ReduceSum', [products, g.ints([0])], { keepdims: 0 });
  };

  if (steps[0] === 1 && steps[1] === 1) {
    const pixels = rows * width;
    const byColumn = Array.from({ length: taps[1] }, (_, s) => {
      const by = s * spacing[1] - left;
      return g.reshape(moved(g, upstream, [0, by, 0, width - columns - by]), [n, to, pixels]);
    });
    const beside = taps[1] === 1 ? byColumn[0]! : g.node('Concat', byColumn, { axis: 1 });
    const byRow = Array.from({ length: taps[0] }, (_, r) => {
      const by = r * spacing[0] - top;
      const under = g.reshape(moved(g, maps(), [-by, 0, by + rows - height, 0]), [n, from, pixels]);
      return g.reshape(summed(under, beside), [1, from, taps[1], to]);
    });
    const all = taps[0] === 1 ? byRow[0]! : g.node('Concat', byRow, { axis: 0 });
    return g.node('Transpose', [all], { perm: [1, 0, 2, 3] });
  }

  const under = tapsInBlocks(g, given) ?? tapsAsSlices(g, given, maps(), [height, width]);
  const parts = under.map((tap) => g.reshape(tap, [n, from, rows * columns]));
  // [n, taps·from, pixels] times [n, pixels, to], summed over examples.
  const all = parts.length === 1 ? parts[0]! : g.node('Concat', parts, { axis: 1 });
  const sum = summed(all, g.reshape(upstream, [n, to, rows * columns]));
  return g.node('Transpose', [g.reshape(sum, [taps[0], taps[1], from, to])], { perm: [2, 0, 1, 3] });
}

/** What each tap of a strided convolution sees, [examples, channels, rows, columns]. */
function tapsAsSlices(g: Lowering, given: Correlated, maps: string, [height, width]: Pair): string[] {
  const { dy, pads, steps, spacing = [1, 1], taps } = given;
  const [rows, columns] = [dy.node.shape[dy.rows]!, dy.node.shape[dy.columns]!];
  const [top, left] = pads;
  // Every row and column that some tap sees, beginning with the padding.
  const seen = [
    (taps[0] - 1) * spacing[0] + (rows - 1) * steps[0] + 1,
    (taps[1] - 1) * spacing[1] + (columns - 1) * steps[1] + 1,
  ];
  const fitted = moved(g, maps, [top, left, seen[0]! - height - top, seen[1]! - width - left]);
  const parts: string[] = [];
  for (let r = 0; r < taps[0]; r++)
    for (let s = 0; s < taps[1]; s++) {
      const start = [r * spacing[0], s * spacing[1]] as const;
      const end = [start[0] + (rows - 1) * steps[0] + 1, start[1] + (columns - 1) * steps[1] + 1];
      parts.push(g.node('Slice', [fitted, g.ints(start), g.ints(end), g.ints([2, 3]), g.ints(steps)]));
    }
  return parts;
}

/** The same where x lies in blocks: convolutions of each channel whose kernels are 1 at the tap, which threads share. */
function tapsInBlocks(
  g: Lowering,
  { x, pads, steps, spacing = [1, 1], taps }: Correlated,
): string[] | undefined {
  const maps = x.channels === 3 ? x.node : turned(x.node, '3,1,2,0') ? x.node.inputs[0]! : undefined;
  if (!maps || !g.blockable(maps) || !g.inBlocks(maps) || Math.min(...pads) < 0) return undefined;
  const channels = maps.shape[3]!;
  const size = taps[0] * taps[1];
  const settings = { strides: steps, dilations: spacing, pads, kernel_shape: taps, group: channels };
  return Array.from({ length: size }, (_, tap) => {
    const kernel = Float32Array.from({ length: channels * size }, (_, i) =>
      Number(Math.floor((i % (size * g.block)) / g.block) === tap),
    );
    const weights = g.constant('float32', [channels, 1, ...taps], kernel);
    const under = g.node('Conv', [g.asBlocks(maps), weights], settings, nchwc);
    return g.node('ReorderOutput', [under], { channels }, nchwc);
  });
}

const turned = ({ name, attributes }: GraphNode, perm: string): boolean =>
  name === 'Transpose' && String(attributes.perm) === perm;

/**
 * The same as a convolution in blocks, whose kernel is dy: what lies in its channels are examples. For a `Conv` of turned
 * maps, as `kernelGradient` writes it, with steps and spacing of 1.
 * @returns the name of an array [channels of x, rows, columns, channels of dy]; undefined where it cannot be.
 */
export function blockCorrelation(g: Lowering, node: GraphNode): string | undefined {
  const [x, kernel] = node.inputs as [GraphNode, GraphNode];
  const { pads, dilations } = node.attributes as unknown as Pick<Correlated, 'pads'> & {
    dilations: number[];
  };
  if (!turned(x, '3,1,2,0') || !turned(kernel, '1,2,0,3') || Math.max(...dilations) > 1) return undefined;
  const [maps, dy] = [x.inputs[0]!, kernel.inputs[0]!];
  if (!g.blockable(dy) || dy.shape[0]! % g.block !== 0) return undefined;
  const wide = g.blockable(maps) && g.inBlocks(maps);
  return g.reshape((wide ? inWideRows : planeByPlane)(g, maps, dy, pads, node.shape), node.shape);
}

type BlockCorrelation = (
  g: Lowering,
  maps: GraphNode,
  dy: GraphNode,
  pads: Correlated['pads'],
  [from, rows, columns, to]: readonly number[],
) => string;

/** What lies in the convolution's examples are x's channels. */
const planeByPlane: BlockCorrelation = (g, maps, dy, pads, [from, rows, columns, to]) => {
  const [n, high, wide] = maps.shape as [number, number, number];
  const [top, left, bottom, right] = pads;
  const reordered = g.node('ReorderInput', [g.as(maps, [3, 0, 1, 2])], {}, nchwc);
  const framed = framedInBlocks(g, reordered, n, pads);
  const sums = convolved(
    g,
    g.reshape(framed, [from!, n, high + top + bottom, wide + left + right]),
    dy,
    1,
    1,
  );
  const taps = g.reshape(sums, [from!, to! / g.block, rows! * columns!, g.block]);
  return g.node('Transpose', [taps], { perm: [0, 2, 1, 3] });
};

/** As many pieces of work as keep some threads busy evenly. */
const pieces = 12;

/**
 * Maps in blocks are read as they lie, the channels of a block after each other in rows that are so many times as wide,
 * and neighbouring taps so far apart: results are wide rows, too, of which the convolution has many sums at a time, where
 * three columns of a result are too few to be fast. Examples in some groups, summed at the end, are work for more threads.
 */
const inWideRows: BlockCorrelation = (g, maps, dy, pads, [from, rows, columns, to]) => {
  const b = g.block;
  const [n, high, wide] = maps.shape as [number, number, number];
  const [top, left, bottom, right] = pads;
  const ofBlocks = from! / b;
  const groups =
    [1, 2, 4].find((count) => count * ofBlocks * rows! >= pieces || (n / b) % (2 * count) !== 0) ?? 4;
  const blocked = g.asBlocks(maps);
  const byBlock = ofBlocks === 1 ? blocked : runsMoved(g, blocked, [n, ofBlocks], [1, 0], high * wide * b);
  const reordered = g.node('ReorderInput', [g.reshape(byBlock, [ofBlocks, n, high, wide * b])], {}, nchwc);
  const framed = framedInBlocks(g, reordered, n, [top, left * b, bottom, right * b]);
  const seen = [ofBlocks, n, high + top + bottom, (wide + left + right) * b];
  const sums = convolved(g, g.reshape(framed, seen), dy, b, groups);
  const all = g.reshape(sums, [ofBlocks, groups, (to! / b) * rows! * columns! * b * b]);
  const sum = groups === 1 ? all : g.node('ReduceSum', [all, g.ints([1])], { keepdims: 0 });
  const taps = g.reshape(sum, [ofBlocks, to! / b, rows! * columns!, b, b]);
  return g.node('Transpose', [taps], { perm: [0, 3, 2, 1, 4] });
};

/** Maps whose channels are examples, convolved with dy. @param spacing of its columns. @param groups of examples. */
function convolved(g: Lowering, maps: string, dy: GraphNode, spacing: number, groups: number): string {
  const b = g.block;
  const [n, height, width, to] = dy.shape as [number, number, number, number];
  // Blocks of channels first, then those of examples; within both, examples follow the pixels.
  const moved = runsMoved(
    g,
    g.asBlocks(dy),
    [groups, n / b / groups, b, to / b, height * width],
    [0, 3, 1, 4, 2],
    b,
  );
  return g.node(
    'Conv',
    [maps, g.reshape(moved, [groups * to, n / groups, height, width])],
    {
      strides: [1, 1],
      dilations: [1, spacing],
      pads: [0, 0, 0, 0],
      kernel_shape: [height, width],
      group: groups,
    },
    nchwc,
  );
}

/** Zeros around maps in blocks: a convolution of each channel by 1, since threads share it and not `Pad`. */
function framedInBlocks(g: Lowering, maps: string, channels: number, pads: readonly number[]): string {
  if (pads.every((pad) => pad === 0)) return maps;
  const ones = g.constant('float32', [channels, 1, 1, 1], new Float32Array(channels).fill(1));
  return g.node('Conv', [maps, ones], { ...pointwise(channels), pads }, nchwc);
}

/** Transposes an array [...extents, run]: whole runs move by one `Gather`, since threads share it and not `Transpose`. */
function runsMoved(
  g: Lowering,
  name: string,
  extents: readonly number[],
  perm: readonly number[],
  run: number,
): string {
  const count = sizeOf(extents);
  const [from, to, step] = [0, count, 1].map((number) => g.scalar(number, 'int32'));
  // Known when the model is compiled.
  const places = g.reshape(g.node('Range', [from!, to!, step!]), extents);
  const moved = g.reshape(g.node('Transpose', [places], { perm }), [count]);
  return g.node('Gather', [g.reshape(name, [count, run]), moved], { axis: 0 });
}

/** Rows and columns added or, where negative, taken away: top, left, bottom, right. */
function moved(g: Lowering, maps: string, by: readonly [number, number, number, number]): string {
  if (by.every((pad) => pad === 0)) return maps;
  return g.node('Pad', [maps, g.ints([0, 0, by[0], by[1], 0, 0, by[2], by[3]]), g.scalar(0)]);
}
