import { KernelMemory } from '../kernels/kernels.ts';
import { FirstLayer, together } from './affine-layer.ts';
import type { Examples } from './examples.ts';
import { addExamples, LossMeter, type LossSums, lossOf, type Measurement, measurementOf } from './loss.ts';
import type { MlpSpec, Network } from './network.ts';
import { isPlainCrossEntropy } from './objective.ts';
import { dimension, moved, type ParameterVector } from './tensors.ts';

/** One step along a direction: which, by a name of the caller's, and how far. */
export interface Step {
  readonly direction: string;
  readonly by: number;
}

/** A chunk's sums of one layer stay in a first-level cache. */
const chunkBytes = 8 * 1024;
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

/** What is known of a direction: its sums of the first layer, in the kernels' memory, and its part of the later layers. */
interface Slope {
  readonly at: number;
  /** Whether all sums are. */
  readonly finite: boolean;
  readonly tail: ParameterVector;
}

/** What stays in the kernels' memory, and the chunks that rows come in. */
interface Fixed {
  readonly labels: number;
  readonly widths: number;
  readonly counter: number;
  /** Of each thread. */
  readonly scratches: readonly number[];
  /** Fours of rows of a chunk. */
  readonly quads: number;
  readonly chunks: number;
}

/** Places in the kernels' memory that the points of a call take. */
interface Places {
  /** So many points have room. */
  readonly points: number;
  readonly records: number;
  readonly sums: number;
  readonly parameters: number;
  /** 0 where losses need none. */
  readonly logits: number;
}

/**
 * Measures a multilayer perceptron at points θ + Σ by·d. The sums of its first layer are affine in the steps,
 *
 *     x(W + Σ by·D) + (b + Σ by·d) = (xW + b) + Σ by·(xD + d),
 *
 * so both terms are computed once (for 3072-128-10 they are 99.7 % of the work), and a point costs a
 * multiply-add for each sum, ReLU, and the layers after it: chunks of rows that stay in cache while all points of a call
 * are computed, in float32 with losses in float64, by kernels of our own. Exact but for float32's rounding. Where a term
 * alone overflows, the point is measured plainly.
 *
 * Several threads share the chunks. Their number decides no bits, and neither does which points a call has.
 */
export class AffineMeter {
  /** Multiply-adds of layers so far. */
  multiplyAdds = 0;
  readonly #network: Network;
  readonly #theta: ParameterVector;
  readonly #examples: Examples;
  readonly #vector: (direction: string) => Promise<ParameterVector>;
  readonly #work: AffineWork;
  readonly #batch: number;
  readonly #threads: number;
  readonly #memory = new KernelMemory({ shared: true });
  /** Of the first layer and of each after it. */
  readonly #sizes: readonly number[];
  readonly #first: FirstLayer;
  readonly #mostSlopes: number;
  /** Of each direction, in order of last use. */
  readonly #slopes = new Map<string, Slope>();
  #plainly: LossMeter | undefined;
  #fixed: Fixed | undefined;
  /** θ itself. */
  #base: Slope | undefined;
  #places: Places | undefined;

  /**
   * @param batch examples a forward pass where points are measured plainly.
   * @param vector gives the direction of a name; it is read once while its sums are held.
   */
  constructor(
    network: Network,
    theta: ParameterVector,
    examples: Examples,
    batch: number,
    vector: (direction: string) => Promise<ParameterVector>,
    threads = 1,
  ) {
    const spec = network.spec as MlpSpec;
    this.#network = network;
    this.#theta = theta;
    this.#examples = examples;
    this.#batch = batch;
    this.#vector = vector;
    this.#threads = threads;
    this.#work = affineWork(spec, examples.count);
    this.#sizes = [...spec.widths, spec.classes];
    this.#first = new FirstLayer(this.#memory, examples, this.#sizes[0]!, threads);
    this.#mostSlopes = Math.max(2, Math.floor(slopeBytes / this.#first.bytes));
  }

  async measure(steps: readonly Step[]): Promise<Measurement> {
    return (await this.measureAll([steps]))[0]!;
  }

  /** The same at several points: faster than one after the other. */
  async measureAll(points: readonly (readonly Step[])[]): Promise<Measurement[]> {
    const results: Measurement[] = [];
    // As many points at a time as their directions' sums have room.
    for (let start = 0; start < points.length; ) {
      const names = new Set<string>();
      let end = start;
      for (; end < points.length; end++) {
        const own = points[end]!.map(({ direction }) => direction).filter((name) => !names.has(name));
        if (end > start && names.size + own.length > this.#mostSlopes) break;
        for (const name of own) names.add(name);
      }
      await this.#know([...names]);
      results.push(...(await this.#measureKnown(points.slice(start, end))));
      start = end;
    }
    return results;
  }

  dispose(): void {
    this.#memory.dispose();
    this.#first.dispose();
    this.#plainly?.dispose();
  }

  async #measureKnown(points: readonly (readonly Step[])[]): Promise<Measurement[]> {
    const base = this.#base!;
    const finite = (steps: readonly Step[]): boolean =>
      base.finite && steps.every(({ direction }) => this.#slopes.get(direction)!.finite);
    const affine = points.filter(finite);
    const measured = affine.length > 0 ? await this.#pass(affine) : [];
    const results: Measurement[] = [];
    for (const steps of points)
      results.push(finite(steps) ? measured.shift()! : await this.#measurePlainly(steps));
    return results;
  }

  async #measurePlainly(steps: readonly Step[]): Promise<Measurement> {
    this.#plainly ??= new LossMeter(this.#network, this.#examples, this.#batch);
    const moves = [];
    for (const { direction, by } of steps) moves.push({ direction: await this.#vector(direction), by });
    this.multiplyAdds += this.#work.plain;
    return this.#plainly.measure(moved(this.#theta, moves));
  }

  #prepare(): Fixed {
    const memory = this.#memory;
    const { count, labels } = this.#examples;
    const { rows } = this.#first;
    const quad = 4 * together * Math.max(...this.#sizes);
    const quads = together * Math.max(1, Math.floor(chunkBytes / quad / together));
    const at = memory.allocate(4 * rows);
    // Rows that there are not have no class.
    memory.int32(at, rows).fill(-1);
    memory.int32(at, count).set(labels.subarray(0, count));
    const widths = memory.allocate(4 * this.#sizes.length);
    memory.int32(widths, this.#sizes.length).set(this.#sizes);
    return {
      labels: at,
      widths,
      counter: memory.allocate(4),
      scratches: Array.from({ length: this.#threads }, () => memory.allocate(3 * quads * quad)),
      quads,
      chunks: Math.ceil(rows / (together * quads)),
    };
  }

  /** Sums of θ and of directions that have none yet, in one go over the examples. */
  async #know(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const slope = this.#slopes.get(name);
      this.#slopes.delete(name);
      if (slope) this.#slopes.set(name, slope);
    }
    const missing = names.filter((name) => !this.#slopes.has(name));
    const places: number[] = [];
    for (const [oldest, { at }] of this.#slopes) {
      const room = Math.max(names.length, this.#mostSlopes) - missing.length;
      if (this.#slopes.size <= room) break;
      this.#slopes.delete(oldest);
      places.push(at);
    }
    const vectors: ParameterVector[] = this.#base ? [] : [this.#theta];
    for (const name of missing) vectors.push(await this.#vector(name));
    if (vectors.length === 0) return;
    while (places.length < vectors.length) places.push(this.#first.room());
    const finite = await this.#first.project(vectors, places);
    const slopes = vectors.map((vector, i) => ({
      at: places[i]!,
      finite: finite[i]!,
      tail: vector.slice(2),
    }));
    this.multiplyAdds += vectors.length * this.#work.once;
    this.#base ??= slopes.shift()!;
    for (const [i, name] of missing.entries()) this.#slopes.set(name, slopes[i]!);
  }

  async #pass(points: readonly (readonly Step[])[]): Promise<Measurement[]> {
    const memory = this.#memory;
    const base = this.#base!;
    const { labels, widths, counter, scratches, quads, chunks } = (this.#fixed ??= this.#prepare());
    const { records, sums, parameters, logits } = this.#placesFor(points, chunks);
    const tail = this.#theta.slice(2);
    const size = dimension(tail);
    const { classes } = this.#examples;
    const outputs = this.#first.rows * classes;
    const mostSteps = Math.max(1, ...points.map((steps) => steps.length));
    const steps = records + 16 * points.length;
    for (const [p, own] of points.entries()) {
      // Without a step the kernel takes one of length 0.
      const moves = own.map(({ direction, by }) => ({ by, ...this.#slopes.get(direction)! }));
      const taken = moves.length > 0 ? moves : [{ ...base, by: 0 }];
      const first = steps + 8 * mostSteps * p;
      const own4 = parameters + 4 * size * p;
      memory
        .int32(records + 16 * p, 4)
        .set([taken.length, first, own4, logits === 0 ? 0 : logits + 4 * outputs * p]);
      taken.forEach(({ at, by }, m) => {
        memory.int32(first + 8 * m, 1)[0] = at;
        memory.float32(first + 8 * m + 4, 1)[0] = by;
      });
      let to = own4;
      const there = moved(
        tail,
        moves.map((move) => ({ direction: move.tail, by: move.by })),
      );
      for (const { values } of there) {
        memory.float32(to, values.length).set(values);
        to += values.byteLength;
      }
      this.multiplyAdds += this.#work.point(own.length);
    }
    const partial = memory.float64(sums, 3 * chunks * points.length);
    partial.fill(0);
    await memory.share(
      'measure',
      scratches,
      counter,
      chunks,
      this.#first.rows / together,
      quads,
      this.#sizes.length - 1,
      widths,
      base.at,
      labels,
      records,
      points.length,
      sums,
    );
    return points.map((_, p) => {
      const added = { loss: 0, squares: 0, correct: 0 };
      if (logits !== 0) this.#addLosses(added, logits + 4 * outputs * p);
      else
        for (let i = 3 * chunks * p; i < 3 * chunks * (p + 1); i += 3) {
          added.loss += partial[i]!;
          added.squares += partial[i + 1]!;
          added.correct += partial[i + 2]!;
        }
      return measurementOf(added, this.#examples.count);
    });
  }

  /** Room for points: what is there, or more. */
  #placesFor(points: readonly (readonly Step[])[], chunks: number): Places {
    const steps = Math.max(2, ...points.map((own) => own.length));
    if (this.#places && this.#places.points >= points.length * steps) return this.#places;
    const memory = this.#memory;
    const count = points.length * steps;
    const size = 4 * dimension(this.#theta.slice(2));
    const outputs = 4 * this.#first.rows * this.#examples.classes;
    this.#places = {
      points: count,
      records: memory.allocate((16 + 8) * count),
      sums: memory.allocate(24 * chunks * count),
      parameters: memory.allocate(size * count),
      logits: isPlainCrossEntropy(this.#network.loss) ? 0 : memory.allocate(outputs * count),
    };
    return this.#places;
  }

  #addLosses(sums: LossSums, at: number): void {
    const { count, classes } = this.#examples;
    const from = this.#memory.float32(at, this.#first.rows * classes);
    const logits = Float32Array.from({ length: count * classes }, (_, i) => {
      const row = Math.floor(i / classes);
      return from[(row - (row % together)) * classes + (i % classes) * together + (row % together)]!;
    });
    addExamples(sums, lossOf(this.#network), logits, classes, this.#examples, 0, count);
  }
}
