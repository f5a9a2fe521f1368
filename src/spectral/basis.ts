/**
 * Spectra of symmetric operators that can only be multiplied with vectors: Lanczos' method, its thick restart, and
 * estimates by random probes. This folder knows numbers and random streams; it knows no tensors, networks or data.
 *
 * Vectors are float32, because that is what products take and give; everything computed over them is float64.
 */

/** A symmetric matrix H of which only products are known. */
export interface SymmetricOperator {
  readonly dimension: number;
  /** Hv. The argument is not kept and not changed. */
  product(v: Float32Array): Promise<Float32Array>;
}

/** Numbers of a vector that are worked on at once: those of all basis vectors stay in the processor's cache. */
const chunk = 1024;

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

/** qᵀw for each q of the basis. */
function coefficients(basis: readonly Float32Array[], w: Float64Array): Float64Array {
  const result = new Float64Array(basis.length);
  let j = 0;
  for (; j + 3 < basis.length; j += 4) {
    const [a, b, c, d] = [basis[j]!, basis[j + 1]!, basis[j + 2]!, basis[j + 3]!];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < w.length; i++) {
      const x = w[i]!;
      s0 += x * a[i]!;
      s1 += x * b[i]!;
      s2 += x * c[i]!;
      s3 += x * d[i]!;
    }
    result.set([s0, s1, s2, s3], j);
  }
  for (; j < basis.length; j++) result[j] = inner(basis[j]!, w);
  return result;
}

/** w += Σ factorⱼ·qⱼ, over part of the vector. */
function add(
  w: Float64Array,
  basis: readonly Float32Array[],
  factors: ArrayLike<number>,
  from: number,
  to: number,
): void {
  let j = 0;
  for (; j + 3 < basis.length; j += 4) {
    const [a, b, c, d] = [basis[j]!, basis[j + 1]!, basis[j + 2]!, basis[j + 3]!];
    const [f0, f1, f2, f3] = [factors[j]!, factors[j + 1]!, factors[j + 2]!, factors[j + 3]!];
    for (let i = from; i < to; i++) w[i - from]! += f0 * a[i]! + f1 * b[i]! + (f2 * c[i]! + f3 * d[i]!);
  }
  for (; j < basis.length; j++) {
    const [a, f] = [basis[j]!, factors[j]!];
    for (let i = from; i < to; i++) w[i - from]! += f * a[i]!;
  }
}

/** One pass: takes from w what lies along the basis, and adds it to `taken`. */
function takeAway(w: Float64Array, basis: readonly Float32Array[], taken: Float64Array): void {
  const along = coefficients(basis, w);
  const opposite = along.map((c) => -c);
  for (let start = 0; start < w.length; start += chunk) {
    const end = Math.min(w.length, start + chunk);
    add(w.subarray(start, end), basis, opposite, start, end);
  }
  for (let j = 0; j < taken.length; j++) taken[j]! += along[j]!;
}

/**
 * Makes w orthogonal to the basis in place, by classical Gram-Schmidt, again while a pass takes away so much that
 * rounding could show (twice is enough: Kahan's and Parlett's rule). The last two vectors come first: in Lanczos'
 * recurrence they take nearly all, and one pass over the whole basis is then enough.
 * @returns the coefficients taken away, and the length that is left.
 */
export function orthogonalise(
  w: Float64Array,
  basis: readonly Float32Array[],
): { taken: Float64Array; left: number } {
  const taken = new Float64Array(basis.length);
  const last = Math.max(0, basis.length - 2);
  takeAway(w, basis.slice(last), taken.subarray(last));
  let left = length(w);
  for (let pass = 0; pass < 3; pass++) {
    const before = left;
    takeAway(w, basis, taken);
    left = length(w);
    if (left > before / Math.SQRT2) break;
  }
  return { taken, left };
}

/** Replaces the basis Q by QY in place. @param columns Y's columns, each with a number a basis vector. */
export function recombine(basis: Float32Array[], columns: readonly ArrayLike<number>[]): void {
  const size = basis[0]!.length;
  const results = columns.map(() => new Float64Array(chunk));
  for (let start = 0; start < size; start += chunk) {
    const end = Math.min(size, start + chunk);
    columns.forEach((factors, c) => {
      results[c]!.fill(0);
      add(results[c]!, basis, factors, start, end);
    });
    columns.forEach((_, c) => {
      basis[c]!.set(results[c]!.subarray(0, end - start), start);
    });
  }
  basis.length = columns.length;
}
