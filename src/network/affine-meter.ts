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
const chunkBytes = 16 * 1024;
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
  /** Columns, padded to a multiple of four. */
  readonly width: number;
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
  /** Units of the first layer, and columns that they take. */
  readonly #units: number;
  readonly #width: number;
  readonly #mostSlopes: number;
  /** Of each direction, in order of last use: where its sums are, and what it does to the later layers. */
  readonly #slopes = new Map<string, Sums & { readonly tail: ParameterVector }>();
  #kept: tf.Tensor2D[] | undefined;
  #plainly: LossMeter | undefined;
  readonly #batch: number;
  #ready: { readonly base: Sums; readonly labels: number } | undefined;
  #layers!: readonly Layer[];
  #chunk!: { readonly rows: number; readonly a: number; readonly b: number; readonly sums: number };

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
    this.#width = padded(this.#units);
    this.#mostSlopes = Math.max(2, Math.floor(slopeBytes / (4 * examples.count * this.#width)));
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
    this.#layers = sizes.slice(1).map((out, l) => {
      const width = padded(out);
      return {
        into: sizes[l]!,
        kernel: memory.allocate(4 * sizes[l]! * width),
        bias: memory.allocate(4 * width),
        width,
      };
    });
    const widest = Math.max(...sizes.map(padded));
    const rows = Math.max(4, Math.floor(chunkBytes / (4 * widest) / 4) * 4);
    const a = memory.allocate(4 * rows * widest);
    const b = memory.allocate(4 * rows * widest);
    this.#chunk = { rows, a, b, sums: memory.allocate(24) };
    const at = memory.allocate(4 * count);
    memory.int32(at, count).set(labels.subarray(0, count));
    return { base: await this.#project(this.#theta, this.#room()), labels: at };
  }

  #room(): number {
    return this.#memory.allocate(4 * this.#examples.count * this.#width);
  }

  /** @param together so many are needed for one point. */
  async #slope(direction: string, together: number): Promise<Sums & { tail: ParameterVector }> {
    let slope = this.#slopes.get(direction);
    if (!slope) {
      const vector = await this.#vector(direction);
      let room: number | undefined;
      if (this.#slopes.size >= Math.max(together, this.#mostSlopes)) {
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
    let at = room;
    let finite = true;
    try {
      for (const [i, indices] of this.#batches.entries()) {
        const inputs = this.#kept?.[i] ?? inputTensor(this.#examples, indices);
        const sums = tf.tidy(() => tf.add(tf.matMul(inputs, w), b));
        if (!this.#kept) inputs.dispose();
        try {
          const values = (await sums.data()) as Float32Array;
          finite &&= values.every(Number.isFinite);
          const rows = this.#memory.float32(at, indices.length * this.#width);
          if (this.#width === this.#units) rows.set(values);
          else
            for (let r = 0; r < indices.length; r++)
              rows.set(values.subarray(r * this.#units, (r + 1) * this.#units), r * this.#width);
        } finally {
          sums.dispose();
        }
        at += 4 * indices.length * this.#width;
      }
    } finally {
      tf.dispose([w, b]);
    }
    this.multiplyAdds += this.#work.once;
    return { at: room, finite };
  }

  /** The later layers' parameters, columns padded with zeros. */
  #fill(tail: ParameterVector): void {
    this.#layers.forEach(({ into, kernel, bias, width }, l) => {
      const [from, offsets] = [tail[2 * l]!, tail[2 * l + 1]!.values];
      const out = offsets.length;
      const to = this.#memory.float32(kernel, into * width);
      for (let k = 0; k < into; k++) to.set(from.values.subarray(k * out, (k + 1) * out), k * width);
      this.#memory.float32(bias, width).set(offsets);
    });
  }

  #pass(base: number, labels: number, slopes: readonly { at: number; by: number }[]): Measurement {
    const { run } = this.#memory;
    const { rows: most, a, b, sums } = this.#chunk;
    const { count, classes } = this.#examples;
    const width = this.#layers.at(-1)?.width ?? this.#width;
    const plain = isPlainCrossEntropy(this.#network.loss);
    const others = { loss: 0, squares: 0, correct: 0 };
    this.#memory.float64(sums, 3).fill(0);
    for (let row = 0; row < count; row += most) {
      const rows = Math.min(most, count - row);
      const offset = 4 * row * this.#width;
      const n = rows * this.#width;
      let [x, free] = [a, b];
      let from = base + offset;
      for (const { at, by } of slopes) {
        run.stepped(x, from, at + offset, by, n);
        from = x;
      }
      if (slopes.length === 0) this.#memory.float32(x, n).set(this.#memory.float32(from, n));
      let stride = this.#width;
      for (const { into, kernel, bias, width: out } of this.#layers) {
        run.relu(x, x, rows * stride);
        run.dense(free, x, rows, into, 4 * stride, kernel, bias, out);
        [x, free] = [free, x];
        stride = out;
      }
      if (plain) run.crossEntropy(x, rows, classes, width, labels + 4 * row, sums);
      else {
        const logits = this.#memory.float32(x, rows * width);
        addExamples(others, lossOf(this.#network), logits, width, this.#examples, row, rows);
      }
    }
    if (!plain) return measurementOf(others, count);
    const [loss, squares, correct] = this.#memory.float64(sums, 3);
    return measurementOf({ loss: loss!, squares: squares!, correct: correct! }, count);
  }
}

function padded(width: number): number {
  return Math.ceil(width / 4) * 4;
}
