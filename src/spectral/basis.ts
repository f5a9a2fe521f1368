/**
 * Spectra of symmetric operators that can only be multiplied with vectors: Lanczos' method, its thick restart, and
 * estimates by random probes. This folder knows numbers and random streams; it knows no tensors, networks or data.
 *
 * Vectors are float32, because that is what products take and give; everything computed over them is float64.
 */
import { KernelMemory } from '../kernels/kernels.ts';

/** A symmetric matrix H of which only products are known. */
export interface SymmetricOperator {
  readonly dimension: number;
  /** Hv. The argument is not kept and not changed. */
  product(v: Float32Array): Promise<Float32Array>;
}

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

/** The kernels' widths of a tile; results' tiles of a recombination are that wide. */
const narrow = 512;

/**
 * Nearly orthonormal float32 vectors, and one vector w in float64 that is made orthogonal to them. The loops are
 * WebAssembly over cache-sized tiles in a fixed order: memory traffic is what they cost, and the same numbers have the
 * same bits everywhere.
 */
export class Basis {
  readonly dimension: number;
  readonly capacity: number;
  #size = 0;
  readonly #memory = new KernelMemory();
  /** Numbers of a vector, padded with zeros to a multiple of four. */
  readonly #padded: number;
  readonly #vectors: number;
  readonly #w: number;
  readonly #small: number;
  readonly #scratch: number;

  /** @throws UserError where so many vectors have no room. */
  constructor(dimension: number, capacity: number) {
    this.dimension = dimension;
    this.capacity = capacity;
    this.#padded = Math.ceil(dimension / 16) * 16;
    const bytes = capacity * this.#padded * 4;
    this.#vectors = this.#memory.allocate(
      bytes + this.#padded * 8 + capacity * capacity * 8 + capacity * narrow * 8,
    );
    this.#w = this.#vectors + bytes;
    this.#small = this.#w + this.#padded * 8;
    this.#scratch = this.#small + capacity * capacity * 8;
  }

  /** Vectors held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes taken for vectors and work space. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  push(vector: Float32Array): void {
    if (this.#size === this.capacity) throw new RangeError(`the basis holds ${this.capacity} vectors`);
    this.#memory.float32(this.#vectors + this.#size * this.#padded * 4, this.dimension).set(vector);
    this.#size++;
  }

  /** A copy of a vector. */
  vector(index: number): Float32Array {
    return this.#memory.float32(this.#vectors + index * this.#padded * 4, this.dimension).slice();
  }

  /**
   * Makes `vector` orthogonal to the basis, by classical Gram-Schmidt, again while a pass takes away so much that
   * rounding could show (twice is enough: Kahan's and Parlett's rule). The last two vectors come first: in Lanczos'
   * recurrence they take nearly all, and one pass over the whole basis is then enough. What is left is `rest()`.
   */
  orthogonalise(vector: ArrayLike<number>): Parts {
    this.#memory.float64(this.#w, this.dimension).set(vector);
    const along = new Float64Array(this.#size);
    let left = this.#takeAway(Math.max(0, this.#size - 2), along);
    for (let pass = 0; pass < 3; pass++) {
      const before = left;
      left = this.#takeAway(0, along);
      if (!(left <= before / Math.SQRT2)) break;
    }
    return { along, left };
  }

  /** One pass: takes from w what lies along the vectors from `first` on, and adds it to `along`. @returns what is left. */
  #takeAway(first: number, along: Float64Array): number {
    const stride = this.#padded * 4;
    const vectors = this.#vectors + first * stride;
    const count = this.#size - first;
    const { run } = this.#memory;
    run.along(vectors, stride, count, this.#w, this.#padded, this.#small);
    const taken = this.#memory.float64(this.#small, count);
    for (let j = 0; j < count; j++) along[first + j]! += taken[j]!;
    return Math.sqrt(run.takeAway(vectors, stride, count, this.#small, this.#w, this.#padded));
  }

  /** What `orthogonalise` has left of its vector, with length 1. @param left its length, as it was told. */
  rest(left: number): Float32Array {
    const w = this.#memory.float64(this.#w, this.dimension);
    const result = new Float32Array(this.dimension);
    for (let i = 0; i < result.length; i++) result[i] = w[i]! / left;
    return result;
  }

  /** Replaces the basis Q by QY. @param columns Y's columns, each with a number a basis vector; not more than there are. */
  recombine(columns: readonly ArrayLike<number>[]): void {
    const count = this.#size;
    const y = this.#memory.float64(this.#small, columns.length * count);
    columns.forEach((factors, c) => {
      y.set(factors, c * count);
    });
    const stride = this.#padded * 4;
    this.#memory.run.recombine(
      this.#vectors,
      stride,
      count,
      this.#small,
      columns.length,
      this.#padded,
      this.#scratch,
    );
    this.#size = columns.length;
  }
}
