import { tf } from '../engine/tensorflow.ts';

/** Rows of a panel: products with them are large enough, and their Gram matrix is small. */
const panel = 128;
/** What is left of a row of length 1 below this is float32's rounding of it, and of the row's products. */
const rounding = 2e-6;
/** Pivots of a float32 Gram matrix below this say nothing; another pass, in which they are larger, will. */
const floor = 1e-4;
/** A Gram matrix this near to the identity leaves rows that are orthonormal to rounding. */
const near = 0.1;
const mostPasses = 8;

/**
 * Orthonormal rows Q [rank, width] whose span holds the rows of a matrix to float32's rounding: Gram-Schmidt by blocks,
 * each block projected and then made orthonormal by the Cholesky factor of its Gram matrix, at least twice (Stathopoulos
 * and Wu 2002; Barlow and Smoktunowicz 2013). All but Cholesky's factors are products of matrices on the engine.
 * Rows that others make up add none.
 *
 * @param rows row-major. @returns Q, row-major: QQᵀ = I to float32's rounding; undefined where rows are not finite.
 */
export async function rowBasis(rows: Float32Array, width: number): Promise<Float32Array | undefined> {
  const count = rows.length / width;
  const units: Float32Array[] = [];
  for (let r = 0; r < count; r++) {
    const row = rows.subarray(r * width, (r + 1) * width);
    let square = 0;
    for (let i = 0; i < width; i++) square += row[i]! * row[i]!;
    if (!Number.isFinite(square)) return undefined;
    const unit = new Float32Array(width);
    const size = Math.sqrt(square);
    for (let i = 0; i < width; i++) unit[i] = row[i]! / size;
    if (square > 0) units.push(unit);
  }
  let basis: tf.Tensor2D | undefined;
  try {
    for (let start = 0; start < units.length; start += panel) {
      const some = units.slice(start, start + panel);
      const found = await orthonormal(some, width, basis);
      if (found === 'not found') return undefined;
      if (!found) continue;
      const before = basis;
      basis = before ? tf.concat2d([before, found], 0) : found;
      if (before) tf.dispose([before, found]);
    }
    return basis ? Float32Array.from(await basis.data()) : new Float32Array();
  } finally {
    basis?.dispose();
  }
}

/** What of unit rows is orthogonal to a basis, made orthonormal; nothing where nothing is. */
async function orthonormal(
  units: readonly Float32Array[],
  width: number,
  basis: tf.Tensor2D | undefined,
): Promise<tf.Tensor2D | undefined | 'not found'> {
  const all = new Float32Array(units.length * width);
  for (const [r, unit] of units.entries()) all.set(unit, r * width);
  let rows = tf.tensor2d(all, [units.length, width]);
  /** By how much each row has been stretched: what it was before is its length over this. */
  let stretched = new Array<number>(units.length).fill(1);
  for (let pass = 0; pass < mostPasses; pass++) {
    const [left, gram] = tf.tidy(() => {
      const left = basis
        ? (tf.sub(rows, tf.matMul(tf.matMul(rows, tf.transpose(basis)), basis)) as tf.Tensor2D)
        : tf.clone(rows);
      return [left, tf.matMul(left, tf.transpose(left))];
    }) as [tf.Tensor2D, tf.Tensor2D];
    rows.dispose();
    const values = await gram.data();
    gram.dispose();
    const { inverse, kept, done } = factor(values as Float32Array, stretched);
    if (kept.length === 0) {
      left.dispose();
      return undefined;
    }
    rows = tf.tidy(() => tf.matMul(tf.tensor2d(inverse, [kept.length, stretched.length]), left));
    left.dispose();
    stretched = kept;
    if (done) return rows;
  }
  rows.dispose();
  return 'not found';
}

/**
 * One pass over a block of rows with the Gram matrix G = LLᵀ: L⁻¹ without the rows that are made up by others.
 * @param stretched of each row. @returns kept: the same of the rows that stay.
 */
function factor(
  gram: Float32Array,
  stretched: readonly number[],
): { inverse: Float32Array; kept: number[]; done: boolean } {
  const n = stretched.length;
  /** Rows of L, of L⁻¹ and which of the n rows each is. */
  const lower: Float64Array[] = [];
  const inverses: Float64Array[] = [];
  const at: number[] = [];
  const kept: number[] = [];
  let done = true;
  for (let i = 0; i < n; i++) {
    const given = stretched[i]!;
    const own = gram[i * n + i]!;
    if (!(Math.sqrt(own) > rounding * given)) continue;
    const row = new Float64Array(at.length + 1);
    let pivot = own;
    for (let j = 0; j < at.length; j++) {
      const other = lower[j]!;
      let sum: number = gram[i * n + at[j]!]!;
      if (Math.abs(sum) > near) done = false;
      for (let k = 0; k < j; k++) sum -= row[k]! * other[k]!;
      row[j] = sum / other[j]!;
      pivot -= row[j]! * row[j]!;
    }
    if (Math.abs(own - 1) > near) done = false;
    const known = pivot > floor;
    if (known && !(Math.sqrt(pivot) > rounding * given)) continue;
    if (!known) done = false;
    const size = Math.sqrt(known ? pivot : floor);
    row[at.length] = size;
    const inverse = new Float64Array(n);
    for (let j = 0; j < at.length; j++) {
      const share = row[j]!;
      const other = inverses[j]!;
      for (let k = 0; k <= i; k++) inverse[k]! -= share * other[k]!;
    }
    inverse[i] = 1;
    for (let k = 0; k <= i; k++) inverse[k]! /= size;
    lower.push(row);
    inverses.push(inverse);
    at.push(i);
    kept.push(given / size);
  }
  const result = new Float32Array(at.length * n);
  for (const [r, inverse] of inverses.entries()) result.set(inverse, r * n);
  return { inverse: result, kept, done };
}
