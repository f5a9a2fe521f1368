import { type Compiled, compile, type Numbers } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import type { Examples } from './examples.ts';
import { keepsInputs } from './loss.ts';
import type { ParameterVector } from './tensors.ts';

/** Rows that the kernels interleave: of `units` numbers a row, unit u of row 4q + j is number 4(q·units + u) + j. */
export const together = 4;
/** The kernels' products take so many rows at once. */
const piece = 16;
/** Features of a block, as in `kernels/affine.ts`. */
const block = 256;
/** Inputs of a product, and weights of one: so many bytes at a time. */
const inputBytes = 12 * 2 ** 20;
const weightBytes = 16 * 2 ** 20;
const mostVectors = 16;

/** Places in the kernels' memory. */
interface Places {
  readonly inputs: number;
  readonly weights: number;
  readonly biases: number;
  /** The results' addresses. */
  readonly outs: number;
  readonly counter: number;
  /** Of each thread. */
  readonly scratches: readonly number[];
}

/**
 * The sums xW + b of a perceptron's first layer over all examples, for any parameter vectors, interleaved in the kernels'
 * memory. Computed by the engine; in place of the engine `wasm`, whose product has one thread, by kernels of our own.
 */
export class FirstLayer {
  /** Of the examples, made a multiple of what the kernels take at once. */
  readonly rows: number;
  readonly #memory: KernelMemory;
  readonly #examples: Examples;
  readonly #units: number;
  readonly #threads: number;
  /** Examples of a product. */
  readonly #batch: number;
  /** Normalised inputs of each batch; from the second pass over the examples on. */
  readonly #kept: Float32Array[] = [];
  #passes = 0;
  #product: Compiled | undefined;
  #own: Places | undefined;
  #passing = { at: 0, bytes: 0 };

  constructor(memory: KernelMemory, examples: Examples, units: number, threads: number) {
    const { count, features } = examples;
    this.#memory = memory;
    this.#examples = examples;
    this.#units = units;
    this.#threads = threads;
    this.rows = piece * Math.ceil(count / piece);
    const products = Math.ceil((4 * this.rows * features) / inputBytes);
    this.#batch = piece * Math.ceil(count / products / piece);
  }

  /** Of a vector's sums. */
  get bytes(): number {
    return 4 * this.rows * this.#units;
  }

  /** A new place for a vector's sums. */
  room(): number {
    return this.#memory.allocate(this.bytes);
  }

  /**
   * Writes the sums of vectors (kernel and bias of the first layer come first) to their places.
   * @returns whether all of a vector's are finite.
   */
  async project(vectors: readonly ParameterVector[], places: readonly number[]): Promise<boolean[]> {
    const finite: boolean[] = [];
    const size = 4 * this.#examples.features * even(this.#units);
    const most = Math.min(mostVectors, Math.max(1, Math.floor(weightBytes / size)));
    const byKernels = tf.getBackend() === 'wasm';
    for (let v = 0; v < vectors.length; v += most) {
      const [some, there] = [vectors.slice(v, v + most), places.slice(v, v + most)];
      const run = byKernels ? this.#byKernels(some, there) : this.#byEngine(some, there);
      finite.push(...(await run));
    }
    return finite;
  }

  dispose(): void {
    this.#product?.dispose();
  }

  /** Each batch's inputs: rows beyond the examples hold anything finite. */
  *#batches(): Generator<{ readonly first: number; readonly inputs: Float32Array }> {
    const { count, features } = this.#examples;
    const keep = this.#passes++ > 0 && keepsInputs(this.#examples);
    let shared: Float32Array | undefined;
    for (let b = 0, first = 0; first < count; b++, first += this.#batch) {
      let inputs = this.#kept[b];
      if (!inputs) {
        const size = Math.min(this.#batch, count - first);
        const indices = Uint32Array.from({ length: size }, (_, i) => first + i);
        const room = keep ? undefined : shared;
        const own = room ?? new Float32Array(this.#batch * features);
        if (!keep) shared = own;
        const part = own.subarray(0, size * features);
        const made = this.#examples.inputs(indices, part);
        // A whole batch that lies elsewhere is read there.
        inputs = made.length === own.length ? made : own;
        if (inputs === own && made !== part) part.set(made);
        if (keep) this.#kept.push(inputs);
      }
      yield { first, inputs };
    }
  }

  /** All vectors' kernels beside each other are one product. */
  async #byEngine(vectors: readonly ParameterVector[], places: readonly number[]): Promise<boolean[]> {
    const { features } = this.#examples;
    const units = this.#units;
    const columns = vectors.length * units;
    const kernel = new Float32Array(features * columns);
    const bias = new Float32Array(columns);
    vectors.forEach(([own, shift], v) => {
      for (let k = 0; k < features; k++)
        kernel.set(own!.values.subarray(k * units, (k + 1) * units), k * columns + v * units);
      bias.set(shift!.values, v * units);
    });
    const numbers = (values: Float32Array, ...shape: number[]): Numbers => ({ values, shape });
    const given = [numbers(kernel, features, columns), numbers(bias, columns)];
    this.#product ??= compile((x, w, b) => [tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b!)]);
    const sums = new Float32Array(this.#batch * columns);
    const at = this.#place(sums.byteLength);
    // 0 as long as there is neither an infinity nor a NaN.
    const bad = new Float64Array(vectors.length);
    for (const { first, inputs } of this.#batches()) {
      await this.#product.compute([numbers(inputs, this.#batch, features), ...given], [sums]);
      this.#memory.float32(at, sums.length).set(sums);
      const quads = Math.min(this.#batch, this.rows - first) / together;
      for (const [v, place] of places.entries()) {
        const to = place + 4 * first * units;
        bad[v]! += this.#memory.run.interleaved(to, at + 4 * v * units, quads, units, columns);
      }
    }
    return Array.from(bad, (sum) => sum === 0);
  }

  /** Where sums lie on their way: the last place where it has room. */
  #place(bytes: number): number {
    if (this.#passing.bytes < bytes) this.#passing = { at: this.#memory.allocate(bytes), bytes };
    return this.#passing.at;
  }

  async #byKernels(vectors: readonly ParameterVector[], places: readonly number[]): Promise<boolean[]> {
    const memory = this.#memory;
    const { features } = this.#examples;
    const units = this.#units;
    const width = even(units);
    const size = 4 * features * width;
    this.#own ??= {
      inputs: memory.allocate(4 * this.#batch * features),
      weights: memory.allocate(Math.max(weightBytes, size)),
      biases: memory.allocate(4 * mostVectors * width),
      outs: memory.allocate(4 * mostVectors),
      counter: memory.allocate(4),
      scratches: Array.from({ length: this.#threads }, () => memory.allocate(4 * piece * block)),
    };
    const { inputs, weights, biases, outs, counter, scratches } = this.#own;
    vectors.forEach(([kernel, bias], v) => {
      memory.float32(weights + size * v, features * width).set(panels(kernel!.values, units));
      memory.float32(biases + 4 * width * v, units).set(bias!.values);
    });
    for (const { first, inputs: given } of this.#batches()) {
      memory.float32(inputs, given.length).set(given);
      memory.int32(outs, places.length).set(places.map((place) => place + 4 * first * units));
      const pieces = Math.min(this.#batch, this.rows - first) / piece;
      await memory.share(
        'project',
        scratches,
        counter,
        pieces,
        inputs,
        features,
        weights,
        biases,
        outs,
        vectors.length,
        units,
      );
    }
    return places.map((place) => {
      let bad = 0;
      for (const value of memory.float32(place, this.rows * units)) bad += value - value;
      return bad === 0;
    });
  }
}

function even(columns: number): number {
  return columns + (columns % 2);
}

/** A kernel [features, units] as `project` takes it: blocks of features, in them pairs of columns. */
function panels(values: Float32Array, units: number): Float32Array {
  const features = values.length / units;
  const result = new Float32Array(features * even(units));
  let to = 0;
  for (let start = 0; start < features; start += block) {
    const end = Math.min(start + block, features);
    for (let column = 0; column < units; column += 2)
      for (let k = start; k < end; k++, to += 2) {
        result[to] = values[k * units + column]!;
        if (column + 1 < units) result[to + 1] = values[k * units + column + 1]!;
      }
  }
  return result;
}
