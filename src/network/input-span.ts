import { tf } from '../engine/tensorflow.ts';
import { type Examples, inOrder } from './examples.ts';
import { rowBasis } from './row-basis.ts';
import { dimension, type ParameterVector } from './tensors.ts';

/** Coordinates pay where they are at most this share of the inputs. */
const worthwhile = 0.8;

/**
 * The span of the inputs X [n, in] of all examples, with an orthonormal basis Q [in, rank] of it and X' = XQ.
 *
 * A network whose first layer is dense, xW + b, and whose parameters meet the inputs nowhere else, has a Hessian that
 * knows nothing outside of it: with V = QV' + V⊥ for that kernel, xV = x'V', and (Hv)_W = XᵀΔ lies in the span. So
 * products take V' [rank, out] for V [in, out] and give Qᵀ(Hv)_W. For 1,000 examples of 3,072 numbers that is a third of
 * the work and of a vector's length.
 */
export class InputSpan {
  readonly rank: number;
  /** X' [n, rank], row-major: what products depend on. */
  readonly coordinates: Float32Array;
  readonly #basis: Float32Array;
  readonly #features: number;

  private constructor(basis: Float32Array, features: number, coordinates: Float32Array) {
    this.rank = basis.length / features;
    this.coordinates = coordinates;
    this.#basis = basis;
    this.#features = features;
  }

  /**
   * @param bytes that may be taken while it is made.
   * @returns nothing where so many examples may span more than four fifths of the inputs' space, or have no room.
   */
  static async of(examples: Examples, bytes = Number.POSITIVE_INFINITY): Promise<InputSpan | undefined> {
    const { count, features } = examples;
    if (count > worthwhile * features || 16 * count * features > bytes) return undefined;
    const rows = examples.inputs(inOrder(count));
    const basis = await rowBasis(rows, features);
    if (!basis?.length) return undefined;
    const rank = basis.length / features;
    const found = tf.tidy(() =>
      tf.matMul(tf.tensor2d(rows, [count, features]), tf.transpose(tf.tensor2d(basis, [rank, features]))),
    );
    const coordinates = Float32Array.from(await found.data());
    found.dispose();
    return new InputSpan(basis, features, coordinates);
  }

  /** The shapes of coordinates, but for the last one. @param theta its first tensor is the first layer's kernel. */
  form(theta: ParameterVector): ParameterVector {
    const [kernel, ...rest] = theta;
    const units = kernel!.shape[1]!;
    const values = new Float32Array(this.rank * units);
    return [{ name: kernel!.name, shape: [this.rank, units], values }, ...rest];
  }

  /** How many coordinates a vector has: those of its parameters, and one for what lies outside. */
  dimension(theta: ParameterVector): number {
    return dimension(this.form(theta)) + 1;
  }

  /** X' of some examples, on the device. The caller disposes. */
  coordinatesOf(indices: Uint32Array): tf.Tensor2D {
    const { rank } = this;
    const values = new Float32Array(indices.length * rank);
    indices.forEach((example, row) => {
      values.set(this.coordinates.subarray(example * rank, (example + 1) * rank), row * rank);
    });
    return tf.tensor2d(values, [indices.length, rank]);
  }

  /**
   * Coordinates of a vector: QᵀV for its first kernel, the other parameters, and the length of what the kernel has
   * outside of the span.
   */
  async reduced(v: Float32Array, units: number): Promise<Float32Array> {
    const kernel = v.subarray(0, this.#features * units);
    const rows = this.#rows();
    try {
      const { inside, outside } = await this.#parts(rows, kernel, units);
      const result = new Float32Array(inside.length + v.length - kernel.length + 1);
      result.set(inside);
      result.set(v.subarray(kernel.length), inside.length);
      result[result.length - 1] = lengthOf(outside);
      return result;
    } finally {
      rows.dispose();
    }
  }

  /** The vectors of coordinates; the last one of each counts along what `start` has outside of the span. */
  async whole(
    coordinates: readonly Float32Array[],
    start: Float32Array,
    units: number,
  ): Promise<Float32Array[]> {
    const kernel = start.subarray(0, this.#features * units);
    const split = this.rank * units;
    const rows = this.#rows();
    const columns = tf.tidy(() => tf.transpose(rows));
    try {
      const { outside } = await this.#parts(rows, kernel, units);
      const size = lengthOf(outside);
      const results: Float32Array[] = [];
      for (const given of coordinates) {
        const result = new Float32Array(start.length);
        const inside = await product(columns, given.subarray(0, split), units);
        const share = size > 0 ? given.at(-1)! / size : 0;
        for (let i = 0; i < kernel.length; i++) result[i] = inside[i]! + share * outside[i]!;
        result.set(given.subarray(split, -1), kernel.length);
        results.push(result);
      }
      return results;
    } finally {
      tf.dispose([rows, columns]);
    }
  }

  /** QᵀV, and V - QQᵀV. */
  async #parts(rows: tf.Tensor2D, kernel: Float32Array, units: number) {
    const inside = await product(rows, kernel, units);
    const columns = tf.tidy(() => tf.transpose(rows));
    const outside = await product(columns, inside, units);
    columns.dispose();
    for (let i = 0; i < outside.length; i++) outside[i] = kernel[i]! - outside[i]!;
    return { inside, outside };
  }

  /** Qᵀ. */
  #rows(): tf.Tensor2D {
    return tf.tensor2d(this.#basis, [this.rank, this.#features]);
  }
}

/** A matrix times one of `columns` columns, as numbers of their own. */
async function product(matrix: tf.Tensor2D, values: Float32Array, columns: number): Promise<Float32Array> {
  const found = tf.tidy(() => tf.matMul(matrix, tf.tensor2d(values, [matrix.shape[1], columns])));
  try {
    return Float32Array.from(await found.data());
  } finally {
    found.dispose();
  }
}

function lengthOf(values: Float32Array): number {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i]! * values[i]!;
  return Math.sqrt(square);
}
