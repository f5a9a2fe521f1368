/** Gradients of pooling, as differentiable functions: any order of derivative is exact. */

import type * as TensorFlow from '@tensorflow/tfjs-core';
import { explicit, framed, spread, thinned, type Window } from './convolution.ts';
import { exact } from './exact.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type Map = TensorFlow.Tensor4D;
type Pair = readonly [number, number];

/** A pooling window and the size of the maps that come out. */
export interface Pool extends Window {
  readonly size: Pair;
  readonly out: Pair;
}

/** Its positions in a window, row by row. */
function taps({ size: [height, width] }: Pool): Pair[] {
  return Array.from({ length: height * width }, (_, t) => [Math.floor(t / width), t % width] as const);
}

/** The pixels of maps that stand at one position of the windows. */
function tapOf(tf: Tf, padded: Map, pool: Pool, [i, j]: Pair): Map {
  const { strides, dilations, out } = pool;
  const [row, column] = [i * dilations[0], j * dilations[1]];
  const phase = thinned(tf, padded, strides, [row % strides[0], column % strides[1]]);
  const [n, , , c] = padded.shape;
  return tf.slice(
    phase,
    [0, Math.floor(row / strides[0]), Math.floor(column / strides[1]), 0],
    [n, out[0], out[1], c],
  );
}

/** Maps with their padding, up to multiples of the strides. */
function paddedTo(
  tf: Tf,
  x: Map,
  { pads: [[top, bottom], [left, right]], strides }: Pool,
  value: number,
): Map {
  const [, h, w] = x.shape;
  const rest = (side: number, stride: number): number => (stride - (side % stride)) % stride;
  const more: Pair = [rest(h + top + bottom, strides[0]), rest(w + left + right, strides[1])];
  const pads = explicit([
    [top, bottom + more[0]],
    [left, right + more[1]],
  ]);
  return tf.pad(x, pads, value);
}

/** Values of windows put back to one position of them, in maps of a size. */
function placed(tf: Tf, x: Map, { pads, strides, dilations }: Pool, [i, j]: Pair, [h, w]: Pair): Map {
  const wide = spread(tf, x, strides);
  const [row, column] = [i * dilations[0] - pads[0][0], j * dilations[1] - pads[1][0]];
  return framed(tf, wide, [
    [row, h - wide.shape[1] - row],
    [column, w - wide.shape[2] - column],
  ]);
}

/** Numbers below those of any network's. */
const lowest = -3.4e38;

/** For each position of the windows 1 where it holds a window's largest number, the first of equal ones; else 0. */
function* winners(tf: Tf, x: Map, pool: Pool): Generator<{ at: Pair; mask: Map }> {
  const padded = paddedTo(tf, x, pool, lowest);
  const candidates = taps(pool).map((at) => ({ at, values: tapOf(tf, padded, pool, at) }));
  const largest = candidates.reduce((max, { values }) => tf.maximum(max, values), candidates[0]!.values);
  let open: Tensor = tf.onesLike(largest);
  for (const { at, values } of candidates) {
    const before = open;
    const mask = tf.tidy(() => tf.mul(tf.cast(tf.equal(values, largest), 'float32'), before) as Map);
    open = tf.sub(before, mask);
    before.dispose();
    yield { at, mask };
  }
}

/** Adds up what is made of each position's mask, in order, so that only one of them is in memory. */
function sumOverWinners(tf: Tf, x: Map, pool: Pool, part: (mask: Map, at: Pair) => Map): Map {
  let sum: Map | undefined;
  for (const { at, mask } of winners(tf, x, pool)) {
    const before = sum;
    sum = tf.tidy(() => {
      const own = part(mask, at);
      return before ? tf.add(before, own) : own;
    });
    tf.dispose(before ? [before, mask] : mask);
  }
  return sum!;
}

/** ∂/∂x of Σ dy·maxPool(x): dy where the largest number of each window stands. Linear in dy, constant in x. */
export function maxPoolGradient(tf: Tf, dy: Tensor, x: Tensor, pool: Pool): Map {
  return exact(
    tf,
    (...given) => {
      const [d, a] = given as [Map, Map];
      (given[2] as (tensors: Tensor[]) => void)([a]);
      return {
        value: sumOverWinners(tf, a, pool, (mask, at) =>
          placed(tf, tf.mul(d, mask), pool, at, [a.shape[1], a.shape[2]]),
        ),
        gradFunc: (ddx: Tensor, saved: Tensor[]) => [
          atWinners(tf, ddx, saved[0]!, pool),
          tf.zerosLike(saved[0]!),
        ],
      };
    },
    dy,
    x,
  );
}

/** The numbers of v where x has the largest of each window: the transpose of `maxPoolGradient`. */
function atWinners(tf: Tf, v: Tensor, x: Tensor, pool: Pool): Map {
  return exact(
    tf,
    (...given) => {
      const [values, a] = given as [Map, Map];
      (given[2] as (tensors: Tensor[]) => void)([a]);
      const padded = paddedTo(tf, values, pool, 0);
      return {
        value: sumOverWinners(tf, a, pool, (mask, at) => tf.mul(tapOf(tf, padded, pool, at), mask)),
        gradFunc: (dy: Tensor, saved: Tensor[]) => [
          maxPoolGradient(tf, dy, saved[0]!, pool),
          tf.zerosLike(saved[0]!),
        ],
      };
    },
    v,
    x,
  );
}

/**
 * ∂/∂x of Σ dy·avgPool(x), for x of a shape. Of a window that reaches over the edge only the pixels inside count.
 */
export function averagePoolGradient(tf: Tf, dy: Tensor, pool: Pool, shape: readonly number[]): Map {
  const { size, pads, strides, dilations, out } = pool;
  const [, h, w] = shape as [number, number, number];
  const inside = (side: number, k: number, [before]: Pair, stride: number, dilation: number, count: number) =>
    Array.from({ length: count }, (_, o) => {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const at = o * stride + i * dilation - before;
        if (at >= 0 && at < side) sum++;
      }
      return sum;
    });
  const rows = inside(h, size[0], pads[0], strides[0], dilations[0], out[0]);
  const columns = inside(w, size[1], pads[1], strides[1], dilations[1], out[1]);
  const shares = rows.flatMap((r) => columns.map((c) => 1 / (r * c)));
  const even = tf.mul(dy, tf.tensor(shares, [1, out[0], out[1], 1])) as Map;
  // Over the whole map every pixel gets the same.
  if (out[0] === 1 && out[1] === 1 && size[0] === h && size[1] === w && pads.flat().every((p) => p === 0))
    return tf.tile(even, [1, h, w, 1]);
  return tf.addN(taps(pool).map((at) => placed(tf, even, pool, at, [h, w])));
}
