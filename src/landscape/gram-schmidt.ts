/** Below this share of its length a float32 vector lies in the others' span, up to its rounding. */
const dependent = 1e-5;

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * An orthonormal basis of the span of vectors, in float64, and what of others is orthogonal to it: modified
 * Gram-Schmidt, twice, which is enough (Kahan and Parlett). For a handful of vectors.
 */
export class Span {
  readonly #basis: Float64Array[] = [];

  /** Dimensions. */
  get size(): number {
    return this.#basis.length;
  }

  /** Widens the span by a vector. @returns false where it lies in the span already. */
  add(vector: ArrayLike<number>): boolean {
    const rest = this.orthogonalPart(vector);
    if (!rest) return false;
    const length = Math.sqrt(inner(rest, rest));
    this.#basis.push(rest.map((value) => value / length));
    return true;
  }

  /** The part of a vector that is orthogonal to the span, or undefined where there is none but rounding. */
  orthogonalPart(vector: ArrayLike<number>): Float64Array | undefined {
    const rest = Float64Array.from(vector);
    const before = Math.sqrt(inner(rest, rest));
    for (let pass = 0; pass < 2; pass++)
      for (const q of this.#basis) {
        const along = inner(q, rest);
        for (let i = 0; i < rest.length; i++) rest[i]! -= along * q[i]!;
      }
    return Math.sqrt(inner(rest, rest)) > dependent * before ? rest : undefined;
  }
}
