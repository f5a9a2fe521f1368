/**
 * The gradient of a convolution by its kernel: K[r, s] = Σ over examples and pixels of x, moved by the tap (r, s), times
 * dy. ONNX has no operation for it.
 *
 * It is computed as one batched matrix product: the taps' rows are moves of x, the taps' columns are moves of dy, so three
 * and three arrays make the nine products of a 3x3 kernel, in matrices three times as wide and as high as those of a
 * single tap.
 */
import type { GraphNode } from '../graph.ts';
import type { Lowering } from '../lowering.ts';

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
  const maps = g.as(x.node, [x.examples, x.channels, ...spatial]);
  const upstream = g.as(dy.node, [dy.examples, dy.channels, dy.rows, dy.columns]);
  const height = x.node.shape[spatial[0]!]!;
  const width = x.node.shape[spatial[1]!]!;

  // Every row and column that some tap sees, beginning with the padding.
  const seen = [
    (taps[0] - 1) * spacing[0] + (rows - 1) * steps[0] + 1,
    (taps[1] - 1) * spacing[1] + (columns - 1) * steps[1] + 1,
  ];
  const [top, left] = pads;
  const fitted = g.node('Pad', [
    maps,
    g.ints([0, 0, top, left, 0, 0, seen[0]! - height - top, seen[1]! - width - left]),
    g.scalar(0),
  ]);
  const parts: string[] = [];
  for (let r = 0; r < taps[0]; r++)
    for (let s = 0; s < taps[1]; s++) {
      const start = [r * spacing[0], s * spacing[1]] as const;
      const end = [start[0] + (rows - 1) * steps[0] + 1, start[1] + (columns - 1) * steps[1] + 1];
      const under = g.node('Slice', [fitted, g.ints(start), g.ints(end), g.ints([2, 3]), g.ints(steps)]);
      parts.push(g.reshape(under, [n, from, rows * columns]));
    }
  // [n, taps·from, pixels] times [n, pixels, to], summed over examples.
  const all = parts.length === 1 ? parts[0]! : g.node('Concat', parts, { axis: 1 });
  const products = g.node(
    'FusedMatMul',
    [all, g.reshape(upstream, [n, to, rows * columns])],
    { transA: 0, transB: 1 },
    'com.microsoft',
  );
  const sum = g.node('ReduceSum', [products, g.ints([0])], { keepdims: 0 });
  return g.node('Transpose', [g.reshape(sum, [taps[0], taps[1], from, to])], { perm: [2, 0, 1, 3] });
}
