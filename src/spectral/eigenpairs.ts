import { UserError } from '../diagnostics/diagnostic.ts';
import { Random } from '../util/random.ts';
import {
  Basis,
  inner,
  length,
  normalised,
  type ReducedOperator,
  reducedFor,
  type SymmetricOperator,
} from './basis.ts';
import { rademacher } from './rademacher.ts';
import { smallEigen } from './small.ts';

export interface EigenSettings {
  /** How many of the largest and of the smallest (algebraic) eigenvalues. */
  readonly largest: number;
  readonly smallest: number;
  /** Basis vectors held; the more, the fewer products. */
  readonly basis: number;
  /** A pair is found when its residual ‖Hx - λx‖ is at most this times |λ|. */
  readonly tolerance: number;
  readonly maxProducts: number;
  /** Of the start vector and of the vectors that replace it when the operator's range is exhausted. */
  readonly seed: number;
  /** That share the work over vectors; default all of the machine. They decide no bits. */
  readonly threads?: number;
}

export interface Eigenpair {
  readonly value: number;
  /** ‖Hx - λx‖, computed from a product of its own. */
  readonly residual: number;
  /** Of length 1; its component of largest magnitude (the first such) is positive. */
  readonly vector: Float32Array;
}

export interface Eigenpairs {
  /** Most extreme first. */
  readonly largest: readonly Eigenpair[];
  readonly smallest: readonly Eigenpair[];
  readonly products: number;
  readonly restarts: number;
  /** Whether the residuals of all pairs, as they are verified, meet the tolerance. */
  readonly converged: boolean;
  /** Pairs that miss it by no more than float32 products are rounded anyway: more products would not better them. */
  readonly rounded: number;
}

/**
 * Both ends of a symmetric operator's spectrum in one run of Lanczos' method with thick restart (Wu and Simon 2000)
 * and full reorthogonalisation. Each column of the projected matrix is the measured QᵀHq, so that what it says is a
 * Rayleigh-Ritz projection however float32 has rounded the basis.
 *
 * It starts from the seed's first vector of signs: up to the first restart the products are those of
 * `lanczosQuadrature` from that vector, bit for bit, so that whoever keeps products has them for both.
 *
 * One start vector sees each eigenspace once: copies of an equal eigenvalue come in through rounding, after the first has
 * converged, and could be missed in a run that ends at once. Networks' Hessians have none away from zero.
 *
 * Where the operator has fewer coordinates, the run is in these, and each pair found is multiplied in the whole space: its
 * value and its residual are the operator's own. One thing differs: eigenvectors of zero outside of the coordinates'
 * span are one there, so a run that has exhausted all else, and is asked for more pairs than are not zero, says of such
 * pairs what it says of the operator in its coordinates.
 *
 * @param progress is told, after each product, the products so far and how many wanted pairs are found.
 * @throws UserError where the numbers asked for do not fit the dimension or the basis, or products are not finite.
 */
export async function eigenpairs(
  operator: SymmetricOperator,
  settings: EigenSettings,
  progress: (products: number, found: number) => void = () => {},
): Promise<Eigenpairs> {
  const wanted = settings.largest + settings.smallest;
  const reduced = await reducedFor(operator, settings.basis);
  const n = (reduced ?? operator).dimension;
  const size = Math.min(settings.basis, n);
  if (wanted > size - (size < n ? 2 : 0))
    throw new UserError({
      severity: 'error',
      code: 'too-many-eigenpairs',
      message: `${wanted} eigenpairs are asked for of ${n} parameters with a basis of ${settings.basis} vectors`,
      hint: 'raise the basis to at least twice the number of pairs, or ask for fewer',
    });
  const basis = new Basis(n, size, settings.threads);
  try {
    return await restarted(operator, reduced, basis, settings, progress);
  } finally {
    basis.dispose();
  }
}

async function restarted(
  operator: SymmetricOperator,
  reduced: ReducedOperator | undefined,
  basis: Basis,
  settings: EigenSettings,
  progress: (products: number, found: number) => void,
): Promise<Eigenpairs> {
  const { dimension: n, capacity: size } = basis;
  const wanted = settings.largest + settings.smallest;
  let products = 0;
  let found = 0;
  const multiply = async (v: Float32Array, by: Pick<SymmetricOperator, 'product'>): Promise<Float32Array> => {
    const result = await by.product(v);
    products++;
    progress(products, found);
    return result;
  };

  const projected = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let draws = 0;
  /** What of a vector is orthogonal to the basis, with length 1. */
  const orthogonal = async (vector: Float32Array): Promise<Float32Array> =>
    basis.rest((await basis.orthogonalise(vector)).left);
  const draw = (): Promise<Float32Array> =>
    orthogonal(new Random([settings.seed, 'lanczos', draws++]).gaussians(n));
  const start = rademacher(settings.seed, 0, operator.dimension);
  let next = normalised(reduced ? await reduced.coordinates(start) : start);
  for (let restarts = 0; ; restarts++) {
    let left = 0;
    while (basis.size < size) {
      basis.push(next);
      const j = basis.size - 1;
      const { along, left: beyond } = await basis.orthogonalise(await multiply(next, reduced ?? operator));
      if (!Number.isFinite(beyond)) throw notFinite();
      along.forEach((h, i) => {
        projected[i]![j] = projected[j]![i] = h;
      });
      // Below float32's rounding of the product nothing new is left: the range is exhausted, go on elsewhere.
      const exhausted = beyond <= 1e-6 * length(along) || beyond === 0;
      left = exhausted ? 0 : beyond;
      if (basis.size < n) next = exhausted ? await draw() : basis.rest(beyond);
    }
    const { values, vectors } = smallEigen(projected);
    const ends = (high: number, low: number): number[] => [
      ...Array.from({ length: low }, (_, i) => i),
      ...Array.from({ length: high }, (_, i) => size - high + i),
    ];
    const isFound = (i: number): boolean =>
      left * Math.abs(vectors[i]!.at(-1)!) <= settings.tolerance * Math.abs(values[i]!);
    const wantedAt = ends(settings.largest, settings.smallest);
    found = wantedAt.filter(isFound).length;
    const complete = found === wanted || size === n;
    if (complete || products + size > settings.maxProducts) {
      await basis.recombine(wantedAt.map((i) => vectors[i]!));
      const ritz = Array.from({ length: wanted }, (_, i) => basis.vector(i));
      const pairs: Eigenpair[] = [];
      for (const vector of reduced ? await reduced.vectors(ritz, start) : ritz)
        pairs.push(await verified(normalised(vector), (v) => multiply(v, operator)));
      const misses = pairs.filter((p) => !(p.residual <= settings.tolerance * Math.abs(p.value)));
      const rounding = 16 * 2 ** -24 * Math.max(...values.map(Math.abs));
      return {
        largest: pairs.slice(settings.smallest).sort((a, b) => b.value - a.value),
        smallest: pairs.slice(0, settings.smallest).sort((a, b) => a.value - b.value),
        products,
        restarts,
        converged: misses.length === 0,
        rounded: misses.filter(({ residual }) => residual <= rounding).length,
      };
    }
    // Beside the wanted ends, some more of each keep what is known of their neighbours.
    const extra = Math.floor((size - wanted) / 5);
    const kept = ends(
      settings.largest + (settings.largest > 0 ? extra : 0),
      settings.smallest + (settings.smallest > 0 ? extra : 0),
    );
    await basis.recombine(kept.map((i) => vectors[i]!));
    for (const row of projected) row.fill(0);
    kept.forEach((i, at) => {
      projected[at]![at] = values[i]!;
    });
    // The rounded basis and the next vector are a little less orthogonal than before: put that right.
    next = await orthogonal(next);
  }
}

/** Rayleigh quotient and residual by a product of their own; the vector's sign is made definite in place. */
async function verified(
  vector: Float32Array,
  multiply: (v: Float32Array) => Promise<Float32Array>,
): Promise<Eigenpair> {
  let largest = 0;
  for (let i = 1; i < vector.length; i++) if (Math.abs(vector[i]!) > Math.abs(vector[largest]!)) largest = i;
  if (vector[largest]! < 0) for (let i = 0; i < vector.length; i++) vector[i] = -vector[i]!;
  const image = await multiply(vector);
  const value = inner(vector, image) / inner(vector, vector);
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += (image[i]! - value * vector[i]!) ** 2;
  return { value, residual: Math.sqrt(squares), vector };
}

export function notFinite(): UserError {
  return new UserError({
    severity: 'error',
    code: 'hessian-not-finite',
    message: 'a product with the Hessian is not finite',
    hint: 'the model itself may have diverged: look at the history of its training',
  });
}
