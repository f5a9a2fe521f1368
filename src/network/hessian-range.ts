import { type Compiled, compile, type Numbers } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { type Examples, inOrder } from './examples.ts';
import { backwards, disposePrimal, type Primal, primalOf, tangent } from './hessian-mlp.ts';
import { inputTensor, targetTensor, toTensors } from './loss.ts';
import type { Network } from './network.ts';
import { type ParameterVector, sizeOf } from './tensors.ts';

type Tensors = readonly tf.Tensor[];

/** Vectors that coordinates are turned into by one product. */
const liftedAtOnce = 5;

/** A `ReducedOperator`. */
export interface ReducedHessian {
  readonly dimension: number;
  readonly independent: number;
  readonly start: Float32Array;
  product(x: Float32Array): Promise<{ dual: Float32Array; image: Float32Array }>;
  vectors(coordinates: readonly Float32Array[]): Promise<Float32Array[]>;
}

/**
 * The Hessian of a multilayer perceptron on its own range. In `hessian-mlp.ts`' words, the first kernel's part of a product
 * is (Hv)_W = Xᵀδ̇ with δ̇ = 1[z > 0]·(A W₂ᵀ + δ₂Bᵀ), where A = δ̇₂ [n, out] and B = V₂ [units, out] of the second layer
 * are small. So a vector of the range is told by A, B and its other parameters r, and one of a Krylov space from s
 * besides by its share c of s:
 *
 *     y = c·s + (XᵀD, r),  D = 1[z > 0]·(A W₂ᵀ + δ₂Bᵀ)
 *
 * All that a product asks of the first kernel is X y_W = c·X s_W + (XXᵀ)D, and of lengths as well, since the inner product
 * with another such vector is that of its A, B, r and c with
 *
 *     A* = (1[z > 0]·X y_W) W₂,  B* = (1[z > 0]·X y_W)ᵀδ₂,  r* = r + c·s_r,  c* = s·y
 *
 * For 3072-128-10 and 1,000 examples that is 12,699 numbers instead of 394,634 parameters and a sixth of the multiply-adds:
 * the only large product left is that with the examples' Gram matrix XXᵀ.
 */
export class HessianRange {
  readonly dimension: number;
  readonly #theta: ParameterVector;
  readonly #shapes: { readonly A: [number, number]; readonly B: [number, number] };
  /** Coordinates before those of A, B, r and c end. */
  readonly #ends: { readonly A: number; readonly B: number; readonly r: number };
  readonly #inputs: tf.Tensor2D;
  readonly #parameters: readonly tf.Tensor[];
  readonly #primal: Primal;
  readonly #gram: tf.Tensor2D;
  /** c·s_W + XᵀD of several A, B and c, of which s_W's numbers come first. */
  readonly #lifted: Compiled;
  readonly #product: Compiled;

  private constructor(theta: ParameterVector, examples: Examples) {
    this.#theta = theta;
    const [, units] = theta[0]!.shape as [number, number];
    const [, out] = theta[2]!.shape as [number, number];
    this.#shapes = { A: [examples.count, out], B: [units, out] };
    const A = examples.count * out;
    const B = A + units * out;
    const r = B + theta.slice(1).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    this.#ends = { A, B, r };
    this.dimension = r + 1;
    const all = inOrder(examples.count);
    const inputs = inputTensor(examples, all);
    const targets = targetTensor(examples, all);
    const parameters = toTensors(theta);
    const primal = tf.tidy(() => primalOf(parameters, inputs, targets));
    targets.dispose();
    const gram = tf.tidy(() => tf.matMul(inputs, tf.transpose(inputs)) as tf.Tensor2D);
    [this.#inputs, this.#parameters, this.#primal, this.#gram] = [inputs, parameters, primal, gram];
    const second = primal.layers[1]!;
    const turned = primal.layers[0]!.turnedInputs;
    this.#lifted = compile((kernel, ...several) => {
      const count = several.length / 3;
      const [As, Bs, cs] = [0, count, 2 * count].map((from) =>
        several.slice(from, from + count),
      ) as Tensors[];
      const all = tf.concat(
        As!.map((A, i) => backwards(second, A as tf.Tensor2D, Bs![i] as tf.Tensor2D)),
        1,
      );
      // Of one product, so that the examples' inputs pass through the cache once for all.
      const lifted = tf.split(tf.matMul(turned, all), count, 1);
      return lifted.map((one, i) => tf.add(one, tf.mul(kernel!, cs![i]!)));
    });
    this.#product = compile((A, B, c, sums, ...rest) => {
      const D = backwards(second, A as tf.Tensor2D, B as tf.Tensor2D);
      const moved = tf.add(tf.matMul(gram, D), tf.mul(sums!, c!)) as tf.Tensor2D;
      const masked = tf.mul(moved, second.active!) as tf.Tensor2D;
      const image = tangent(primal, tf.add(moved, rest[0]!), [c!, ...rest]);
      return [
        tf.matMul(masked, second.kernel),
        tf.matMul(tf.transpose(masked), second.delta),
        tf.sum(tf.mul(sums!, D)),
        image.deltas[1]!,
        ...image.rest,
      ];
    });
  }

  /**
   * @param bytes that may be taken.
   * @returns nothing where there are more examples than inputs' numbers, one layer alone or no room.
   */
  static of(
    network: Network,
    theta: ParameterVector,
    examples: Examples,
    bytes = Number.POSITIVE_INFINITY,
  ): HessianRange | undefined {
    const { count, features } = examples;
    if (network.parameters.length < 4 || count > features || 16 * count * features > bytes) return undefined;
    return new HessianRange(theta, examples);
  }

  /** In coordinates of the range and a start vector s. */
  async from(s: Float32Array): Promise<ReducedHessian> {
    const { dimension } = this;
    const { A, B, r } = this.#ends;
    const { shape } = this.#theta[0]!;
    const split = sizeOf(shape);
    const own = s.subarray(split);
    const first = { values: s.subarray(0, split), shape };
    const sums = await this.#sums(first);
    const square = inner(first.values, first.values);
    const start = new Float32Array(dimension);
    start[dimension - 1] = 1;
    /** The parameters but for the first kernel. */
    const parametersOf = (x: Float32Array): Float32Array => {
      const result = x.slice(B, r);
      for (let i = 0; i < result.length; i++) result[i]! += x[r]! * own[i]!;
      return result;
    };
    return {
      dimension,
      independent: r - B,
      start,
      product: async (x) => {
        const [dual, image] = [new Float32Array(dimension), new Float32Array(dimension)];
        const rest = parametersOf(x);
        const along = new Float32Array(1);
        await this.#product.compute(
          [...this.#small(x), sums, ...this.#rest(rest)],
          [
            dual.subarray(0, A),
            dual.subarray(A, B),
            along,
            image.subarray(0, A),
            ...this.#rest(image.subarray(B, r)).map(({ values }) => values),
          ],
        );
        dual.set(rest, B);
        dual[r] = x[r]! * square + along[0]! + inner(rest, own);
        const bias = this.#theta[1]!.values.length;
        image.set(rest.subarray(bias, bias + B - A), A);
        return { dual, image };
      },
      vectors: async (coordinates) => {
        const vectors = coordinates.map(() => new Float32Array(s.length));
        for (let from = 0; from < vectors.length; from += liftedAtOnce) {
          const some = coordinates.slice(from, from + liftedAtOnce).map((x) => this.#small(x));
          const made = vectors.slice(from, from + liftedAtOnce);
          await this.#lifted.compute(
            [first, ...[0, 1, 2].flatMap((part) => some.map((small) => small[part]!))],
            made.map((vector) => vector.subarray(0, split)),
          );
        }
        for (const [i, vector] of vectors.entries()) vector.set(parametersOf(coordinates[i]!), split);
        return vectors;
      },
    };
  }

  /** A, B and c. */
  #small(x: Float32Array): Numbers[] {
    const { A, B, r } = this.#ends;
    return [
      { values: x.subarray(0, A), shape: this.#shapes.A },
      { values: x.subarray(A, B), shape: this.#shapes.B },
      { values: x.subarray(r), shape: [] },
    ];
  }

  /** A list of all parameters but the first kernel's as one of each. */
  #rest(values: Float32Array): Numbers[] {
    let end = 0;
    return this.#theta.slice(1).map(({ shape }) => {
      const start = end;
      end += sizeOf(shape);
      return { values: values.subarray(start, end), shape };
    });
  }

  /** X times a kernel. */
  async #sums({ values, shape }: Numbers): Promise<Numbers> {
    const found = tf.tidy(() => tf.matMul(this.#inputs, tf.tensor2d(values, shape as [number, number])));
    try {
      return { values: (await found.data()) as Float32Array, shape: found.shape };
    } finally {
      found.dispose();
    }
  }

  dispose(): void {
    this.#lifted.dispose();
    this.#product.dispose();
    disposePrimal(this.#primal);
    // The inputs are the primal's first layer's.
    tf.dispose([this.#gram, ...this.#parameters]);
  }
}

function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
