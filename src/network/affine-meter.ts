import { tf } from '../engine/tensorflow.ts';
import { KernelMemory } from '../kernels/kernels.ts';
import { batches, type Examples, inOrder } from './examples.ts';
import {
  addExamples,
  inputTensor,
  keepsInputs,
  LossMeter,
  lossOf,
  type Measurement,
  measurementOf,
} from './loss.ts';
import type { MlpSpec, Network } from './network.ts';
import { isPlainCrossEntropy } from './objective.ts';
import { moved, type ParameterVector } from './tensors.ts';

/** One step along a direction: which, by a name of the caller's, and how far. */
export interface Step {
  readonly direction: string;
  readonly by: number;
}

/** Rows that are computed at once: their sums of one layer stay in a first-level cache. */
const chunkBytes = 8 * 1024;
/** Rows that the kernels interleave: of `units` numbers a row, unit u of row 4q + j is number 4(q·units + u) + j. */
const together = 4;
/** Sums of directions that stay in memory; beyond it the ones that were not used for longest go. */
const slopeBytes = 512 * 2 ** 20;

/** Multiply-adds of one point, plainly and by `AffineMeter`, and of what comes once for each direction and for θ. */
export interface AffineWork {
  readonly plain: number;
  readonly point: (steps: number) => number;
  readonly once: number;
}

export function affineWork({ inputs, widths, classes }: MlpSpec, examples: number): AffineWork {
  const sizes = [inputs, ...widths, classes];
  const layers = sizes.slice(1).map((out, l) => sizes[l]! * out);
  const total = layers.reduce((a, b) => a + b, 0);
  const [first] = layers as [number];
  return {
    plain: examples * total,
    point: (steps) => examples * (total - first + steps * sizes[1]!),
    once: examples * first,
  };
}

/** Sums of the first layer in the kernels' memory. */
interface Sums {
  readonly at: number;
  /** Whether all are. */
  readonly finite: boolean;
}

/** A dense layer after the first, in the kernels' memory. */
interface Layer {
  readonly into: number;
  readonly kernel: number;
  readonly bias: number;
  readonly out: number;
}

/**
 * Measures a multilayer perceptron at points θ + Σ by·d. The sums of its first layer are affine in the steps,
 *
 *     x(W + Σ by·D) + (b + Σ by·d) = (xW + b) + Σ by·(xD + d),
 *
 * so both terms are computed once by the engine (for 3072-128-10 they are 99.7 % of the work), and a point costs a
 * multiply-add for each sum, ReLU, and the layers after it: chunks of rows that stay in cache, in float32 with losses
 * in float64, by kernels of our own. Exact but for float32's rounding. Where a term alone overflows, the point is measured
 * plainly.
 */
export class AffineMeter {
  /** Multiply-adds of layers so far. */
  multiplyAdds = 0;
  readonly #network: Network;
  readonly #theta: ParameterVector;
  readonly #examples: Examples;
  readonly #batches: readonly Uint32Array[];
  readonly #vector: (direction: string) => Promise<ParameterVector>;
  readonly #work: AffineWork;
  readonly #memory = new KernelMemory();
  /** Of the first layer. */
  readonly #units: number;
  /** Fours of rows; the last may not be full. */
  readonly #quads: number;
  readonly #mostSlopes: number;
  /** Of each direction, in order of last use: where its sums are, and what it does to the later layers. */
  readonly #slopes = new Map<string, Sums & { readonly tail: ParameterVector }>();
  #kept: tf.Tensor2D[] | undefined;
  #plainly: LossMeter | undefined;
  readonly #batch: number;
  #ready: { readonly base: Sums; readonly labels: number } | undefined;
  #layers!: readonly Layer[];
  #chunk!: { readonly quads: number; readonly a: number; readonly b: number; readonly sums: number };

  /** @param vector gives the direction of a name; it is read once while its sums are held. */
  constructor(
    network: Network,
    theta: ParameterVector,
    examples: Examples,
    batch: number,
    vector: (direction: string) => Promise<ParameterVector>,
  ) {
    const spec = network.spec as MlpSpec;
    this.#network = network;
    this.#theta = theta;
    this.#examples = examples;
    this.#batches = batches(inOrder(examples.count), batch);
    this.#batch = batch;
    this.#vector = vector;
    this.#work = affineWork(spec, examples.count);
    this.#units = [...spec.widths, spec.classes][0]!;
    this.#quads = Math.ceil(examples.count / together);
    this.#mostSlopes = Math.max(2, Math.floor(slopeBytes / (4 * examples.count * this.#units)));
  }

  async measure(steps: readonly Step[]): Promise<Measurement> {
    this.#ready ??= await this.#prepare();
    const slopes: (Sums & { readonly by: number })[] = [];
    const moves: { readonly direction: ParameterVector; readonly by: number }[] = [];
    for (const { direction, by } of steps) {
      const { tail, ...sums } = await this.#slope(direction, steps.length);
      slopes.push({ ...sums, by });
      moves.push({ direction: tail, by });
    }
    if (![this.#ready.base, ...slopes].every(({ finite }) => finite)) return this.#measurePlainly(steps);
    this.#fill(moved(this.#theta.slice(2), moves));
    this.multiplyAdds += this.#work.point(steps.length);
    return this.#pass(this.#ready.base.at, this.#ready.labels, slopes);
  }

  async #measurePlainly(steps: readonly Step[]): Promise<Measurement> {
    this.#plainly ??= new LossMeter(this.#network, this.#examples, this.#batch);
    const moves = [];
    for (const { direction, by } of steps) moves.push({ direction: await this.#vector(direction), by });
    this.multiplyAdds += this.#work.plain;
    return this.#plainly.measure(moved(this.#theta, moves));
  }

  dispose(): void {
    if (this.#kept) tf.dispose(this.#kept);
    this.#kept = undefined;
    this.#plainly?.dispose();
  }

  /** Room for everything but slopes, labels, and the sums of θ. */
  async #prepare(): Promise<{ base: Sums; labels: number }> {
    const { widths, classes } = this.#network.spec as MlpSpec;
    const sizes = [...widths, classes];
    const { count, labels } = this.#examples;
    const memory = this.#memory;
    this.#layers = sizes.slice(1).map((out, l) => ({
      into: sizes[l]!,
      kernel: memory.allocate(4 * sizes[l]! * out),
      bias: memory.allocate(4 * out),
      out,
    }));
    const quad = 4 * together * Math.max(...sizes);
    const quads = Math.max(1, Math.floor(chunkBytes / quad));
    const a = memory.allocate(quads * quad);
    const b = memory.allocate(quads * quad);
    this.#chunk = { quads, a, b, sums: memory.allocate(24) };
    const at = memory.allocate(4 * together * this.#quads);
    // Rows that there are not have no class.
    memory.int32(at, together * this.#quads).fill(-1);
    memory.int32(at, count).set(labels.subarray(0, count));
    return { base: await this.#project(this.#theta, this.#room()), labels: at };
  }

  #room(): number {
    return this.#memory.allocate(4 * together * this.#quads * this.#units);
  }

  /** @param needed so many for one point. */
  async #slope(direction: string, needed: number): Promise<Sums & { tail: ParameterVector }> {
    let slope = this.#slopes.get(direction);
    if (!slope) {
      const vector = await this.#vector(direction);
      let room: number | undefined;
      if (this.#slopes.size >= Math.max(needed, this.#mostSlopes)) {
        const [[oldest, { at }]] = this.#slopes as unknown as [[string, { at: number }]];
        this.#slopes.delete(oldest);
        room = at;
      }
      slope = { ...(await this.#project(vector, room ?? this.#room())), tail: vector.slice(2) };
    }
    this.#slopes.delete(direction);
    this.#slopes.set(direction, slope);
    return slope;
  }

  /** Sums xW + b of the first layer of a parameter vector, written to `room`. */
  async #project([kernel, bias]: ParameterVector, room: number): Promise<Sums> {
    if (keepsInputs(this.#examples))
      this.#kept ??= this.#batches.map((indices) => inputTensor(this.#examples, indices));
    const w = tf.tensor2d(kernel!.values, kernel!.shape as [number, number]);
    const b = tf.tensor1d(bias!.values);
    let row = 0;
    let finite = true;
    try {
      for (const [i, indices] of this.#batches.entries()) {
        const inputs = this.#kept?.[i] ?? inputTensor(this.#examples, indices);
        const sums = tf.tidy(() => tf.add(tf.matMul(inputs, w), b));
        if (!this.#kept) inputs.dispose();
        try {
          finite = this.#interleave((await sums.data()) as Float32Array, room, row) && finite;
        } finally {
          sums.dispose();
        }
        row += indices.length;
      }
    } finally {
      tf.dispose([w, b]);
    }
    this.multiplyAdds += this.#work.once;
    return { at: room, finite };
  }

  /** Writes rows of sums, from a given one on, as the kernels have them. @returns whether all are finite. */
  #interleave(values: Float32Array, room: number, first: number): boolean {
    const units = this.#units;
    const to = this.#memory.float32(room, together * this.#quads * units);
    // 0 as long as there is neither an infinity nor a NaN.
    let bad = 0;
    for (let from = 0, row = first; from < values.length; row++) {
      let at = (row - (row % together)) * units + (row % together);
      for (const end = from + units; from < end; from++, at += together) {
        const value = values[from]!;
        bad += value - value;
        to[at] = value;
      }
    }
    return bad === 0;
  }

  /** The later layers' parameters. */
  #fill(tail: ParameterVector): void {
    this.#layers.forEach(({ into, kernel, bias, out }, l) => {
      this.#memory.float32(kernel, into * out).set(tail[2 * l]!.values);
      this.#memory.float32(bias, out).set(tail[2 * l + 1]!.values);
    });
  }

  #pass(base: number, labels: number, slopes: readonly { at: number; by: number }[]): Measurement {
    const { run } = this.#memory;
    const { quads: most, a, b, sums } = this.#chunk;
    const { count, classes } = this.#examples;
    const plain = isPlainCrossEntropy(this.#network.loss);
    const others = { loss: 0, squares: 0, correct: 0 };
    const moves = slopes.length > 0 ? slopes : [{ at: base, by: 0 }];
    this.#memory.float64(sums, 3).fill(0);
    for (let quad = 0; quad < this.#quads; quad += most) {
      const quads = Math.min(most, this.#quads - quad);
      const offset = 4 * together * quad * this.#units;
      const n = together * quads * this.#units;
      let [x, free] = [a, b];
      let from = base + offset;
      moves.forEach(({ at, by }, m) => {
        // The last step and ReLU are one pass; without further layers there is no ReLU.
        const last = m === moves.length - 1 && this.#layers.length > 0;
        (last ? run.rectified : run.stepped)(x, from, at + offset, by, n);
        from = x;
      });
      this.#layers.forEach(({ into, kernel, bias, out }, l) => {
        if (l > 0) run.relu(x, x, together * quads * into);
        run.dense(free, x, quads, into, kernel, bias, out);
        [x, free] = [free, x];
      });
      if (plain) run.crossEntropy(x, quads, classes, labels + 4 * together * quad, sums);
      else {
        const row = together * quad;
        const rows = Math.min(together * quads, count - row);
        const logits = this.#separate(x, rows, classes);
        addExamples(others, lossOf(this.#network), logits, classes, this.#examples, row, rows);
      }
    }
    if (!plain) return measurementOf(others, count);
    const [loss, squares, correct] = this.#memory.float64(sums, 3);
    return measurementOf({ loss: loss!, squares: squares!, correct: correct! }, count);
  }

  /** Rows one after the other again. */
  #separate(x: number, rows: number, width: number): Float32Array {
    const from = this.#memory.float32(x, Math.ceil(rows / together) * together * width);
    return Float32Array.from({ length: rows * width }, (_, i) => {
      const row = Math.floor(i / width);
      return from[(row - (row % together)) * width + (i % width) * together + (row % together)]!;
    });
  }
}
