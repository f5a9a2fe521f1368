/**
 * Spectra of symmetric operators that can only be multiplied with vectors: Lanczos' method, its thick restart, and
 * estimates by random probes. This folder knows numbers and random streams; it knows no tensors, networks or data.
 *
 * Vectors are float32, because that is what products take and give; everything computed over them is float64.
 */
import { availableParallelism } from 'node:os';
import { KernelMemory } from '../kernels/kernels.ts';

/** Inner product in float64. */
export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

export function length(a: ArrayLike<number>): number {
  return Math.sqrt(inner(a, a));
}

/** w as a float32 vector of length 1. */
export function normalised(w: ArrayLike<number>): Float32Array {
  const size = length(w);
  const result = new Float32Array(w.length);
  for (let i = 0; i < result.length; i++) result[i] = w[i]! / size;
  return result;
}

/** What a vector is made of, against a basis. */
export interface Parts {
  /** Its coefficient along each basis vector. */
  readonly along: Float64Array;
  /** The length of what is left; not finite where the vector is not. */
  readonly left: number;
}

/** Numbers of a tile of the kernels, and of a recombination's. */
const tile = 8192;
const narrow = 512;
/** Multiply-adds that are worth another thread. */
const worthwhile = 2 ** 18;

/**
 * Nearly orthonormal float32 vectors, and one vector w in float64 that is made orthogonal to them. The loops are
 * WebAssembly over cache-sized tiles in a fixed order: memory traffic is what they cost, and the same numbers have the
 * same bits everywhere. Several threads share the tiles; their number decides no bits.
 *
 * Where an inner product is more than that of two lists of numbers, each vector comes with its dual: what lies along it is
 * the dual's product with w.
 */
export class Basis {
  readonly dimension: number;
  readonly capacity: number;
  #size = 0;
  readonly #memory = new KernelMemory({ shared: true });
  /** Numbers of a vector, padded with zeros to a multiple of sixteen. */
  readonly #padded: number;
  readonly #vectors: number;
  /** The vectors themselves where they are their own. */
  readonly #duals: number;
  /** A float32 vector on its way in or out. */
  readonly #passing: number;
  readonly #w: number;
  /** Of Σ qⱼ·w or Σ w² of each tile. */
  readonly #partial: number;
  /** Coefficients. */
  readonly #small: number;
  readonly #counter: number;
  /** Of each thread. */
  readonly #scratches: readonly number[];

  /** @throws UserError where so many vectors have no room. */
  constructor(dimension: number, capacity: number, threads = availableParallelism(), metric = false) {
    this.dimension = dimension;
    this.capacity = capacity;
    this.#padded = Math.ceil(dimension / 16) * 16;
    const tiles = Math.ceil(this.#padded / tile);
    const room = (): number => this.#memory.allocate(capacity * this.#padded * 4);
    this.#vectors = room();
    this.#duals = metric ? room() : this.#vectors;
    this.#passing = this.#memory.allocate(this.#padded * 4);
    this.#w = this.#memory.allocate(this.#padded * 8);
    this.#partial = this.#memory.allocate(tiles * capacity * 8);
    this.#small = this.#memory.allocate(capacity * capacity * 8);
    this.#counter = this.#memory.allocate(4);
    this.#scratches = Array.from({ length: threads }, () => this.#memory.allocate(capacity * narrow * 4));
  }

  /** Vectors held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes taken for vectors and work space. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  push(vector: Float32Array, dual = vector): void {
    if (this.#size === this.capacity) throw new RangeError(`the basis holds ${this.capacity} vectors`);
    const at = this.#size * this.#padded * 4;
    this.#memory.float32(this.#vectors + at, this.dimension).set(vector);
    if (this.#metric) this.#memory.float32(this.#duals + at, this.dimension).set(dual);
    this.#size++;
  }

  get #metric(): boolean {
    return this.#duals !== this.#vectors;
  }

  clear(): void {
    this.#size = 0;
  }

  /** A copy of a vector. */
  vector(index: number): Float32Array {
    return this.#copy(this.#vectors + index * this.#padded * 4);
  }

  /**
   * Makes `vector` orthogonal to the basis, by classical Gram-Schmidt, again while a pass takes away so much that
   * rounding could show (twice is enough: Kahan's and Parlett's rule). The last two vectors come first: in Lanczos'
   * recurrence they take nearly all, and one pass over the whole basis is then enough; with duals, where numbers do not
   * tell a length, there are two. What is left is `rest()`.
   */
  async orthogonalise(vector: Float32Array): Promise<Parts> {
    this.#memory.float32(this.#passing, this.dimension).set(vector);
    this.#memory.run.widened(this.#passing, this.#w, this.#padded);
    const along = new Float64Array(this.#size);
    let left = await this.#takeAway(Math.max(0, this.#size - 2), along);
    for (let pass = 0; pass < 3; pass++) {
      const before = left;
      left = await this.#takeAway(0, along);
      if (!(left <= before / Math.SQRT2) && !(this.#metric && pass === 0)) break;
    }
    return { along, left };
  }

  /** One pass: takes from w what lies along the vectors from `first` on, and adds it to `along`. @returns what is left. */
  async #takeAway(first: number, along: Float64Array): Promise<number> {
    const memory = this.#memory;
    const stride = this.#padded * 4;
    const [vectors, duals] = [this.#vectors + first * stride, this.#duals + first * stride];
    const count = this.#size - first;
    const n = this.#padded;
    const tiles = Math.ceil(n / tile);
    const crew = this.#crew(count * n, tiles);
    const [w, small, partial, counter] = [this.#w, this.#small, this.#partial, this.#counter];
    await memory.share('along', crew, counter, tiles, duals, stride, count, w, n, partial);
    const parts = memory.float64(partial, tiles * count);
    const taken = memory.float64(small, count);
    for (let j = 0; j < count; j++) {
      let sum = 0;
      for (let t = 0; t < tiles; t++) sum += parts[t * count + j]!;
      taken[j] = sum;
      along[first + j]! += sum;
    }
    await memory.share('takeAway', crew, counter, tiles, vectors, stride, count, small, w, n, partial);
    let squares = 0;
    for (const part of memory.float64(partial, tiles)) squares += part;
    return Math.sqrt(squares);
  }

  /** What `orthogonalise` has left of its vector, with length 1. @param left its length, as it was told. */
  rest(left: number): Float32Array {
    this.#memory.run.rounded(this.#w, 1 / left, this.#passing, this.#padded);
    return this.#copy(this.#passing);
  }

  /** Replaces the basis Q by QY. @param columns Y's columns, each with a number a basis vector; not more than there are. */
  async recombine(columns: readonly ArrayLike<number>[]): Promise<void> {
    const count = this.#size;
    const y = this.#memory.float64(this.#small, columns.length * count);
    columns.forEach((factors, c) => {
      y.set(factors, c * count);
    });
    const tiles = Math.ceil(this.#padded / narrow);
    const crew = this.#crew(count * columns.length * this.#padded, tiles);
    const [stride, small, n] = [this.#padded * 4, this.#small, this.#padded];
    for (const at of new Set([this.#vectors, this.#duals]))
      await this.#memory.share(
        'recombine',
        crew,
        this.#counter,
        tiles,
        at,
        stride,
        count,
        small,
        columns.length,
        n,
      );
    this.#size = columns.length;
  }

  /** Lets the other threads go of the memory. */
  dispose(): void {
    this.#memory.dispose();
  }

  /** Scratches of the threads that some work is for. */
  #crew(multiplyAdds: number, tiles: number): readonly number[] {
    return this.#scratches.slice(0, Math.max(1, Math.min(tiles, Math.floor(multiplyAdds / worthwhile))));
  }

  #copy(at: number): Float32Array {
    const copy = new Float32Array(this.dimension);
    copy.set(this.#memory.float32(at, this.dimension));
    return copy;
  }
}
