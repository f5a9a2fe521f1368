import { UserError } from '../diagnostics/diagnostic.ts';
import { Random } from '../util/random.ts';
import { Basis, length, normalised } from './basis.ts';
import {
  type Measured,
  reducedFor,
  reducedSpace,
  type Space,
  type SymmetricOperator,
  wholeSpace,
} from './operator.ts';
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
 * value and its residual are the operator's own. A run that has exhausted the coordinates' space begins again in the whole.
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
  const n = operator.dimension;
  const size = Math.min(settings.basis, n);
  if (wanted > size - (size < n ? 2 : 0))
    throw new UserError({
      severity: 'error',
      code: 'too-many-eigenpairs',
      message: `${wanted} eigenpairs are asked for of ${n} parameters with a basis of ${settings.basis} vectors`,
      hint: 'raise the basis to at least twice the number of pairs, or ask for fewer',
    });
  const count: Count = { products: 0, found: 0 };
  const counted =
    <T>(product: (v: Float32Array) => Promise<T>) =>
    async (v: Float32Array): Promise<T> => {
      const result = await product(v);
      progress(++count.products, count.found);
      return result;
    };
  const whole = { ...operator, product: counted((v) => operator.product(v)) };
  const start = normalised(rademacher(settings.seed, 0, n));
  const reduced = await reducedFor(operator, start, size);
  const within = async (space: Space): Promise<Eigenpairs | undefined> => {
    const basis = new Basis(space.dimension, size, settings.threads, space.metric);
    try {
      return await restarted(space, whole, basis, settings, count);
    } finally {
      basis.dispose();
    }
  };
  const found = reduced && (await within(reducedSpace({ ...reduced, product: counted(reduced.product) })));
  return found ?? (await within(wholeSpace(whole, start)))!;
}

interface Count {
  products: number;
  /** Wanted pairs that are found. */
  found: number;
}

/** @returns nothing where a space that is not the whole one is exhausted. */
async function restarted(
  space: Space,
  operator: SymmetricOperator,
  basis: Basis,
  settings: EigenSettings,
  count: Count,
): Promise<Eigenpairs | undefined> {
  const { dimension: n, capacity: size } = basis;
  const wanted = settings.largest + settings.smallest;
  const projected = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let draws = 0;
  const draw = async (): Promise<Measured> => {
    const vector = new Random([settings.seed, 'lanczos', draws++]).gaussians(n);
    const { left } = await basis.orthogonalise(vector);
    return space.measure(basis.rest(left), left);
  };
  let next = await space.measure(space.start, 1);
  for (let restarts = 0; ; restarts++) {
    let left = 0;
    while (basis.size < size) {
      basis.push(next.unit, next.dual);
      const j = basis.size - 1;
      const { along, left: beyond } = await basis.orthogonalise(await next.image());
      if (!Number.isFinite(beyond)) throw notFinite();
      along.forEach((h, i) => {
        projected[i]![j] = projected[j]![i] = h;
      });
      const rest = beyond > 0 ? await space.measure(basis.rest(beyond), beyond) : undefined;
      // Below rounding nothing new is left: the range is exhausted, go on elsewhere.
      const more = rest && rest.length > space.negligible * length(along) ? rest : undefined;
      if (!more && space.metric) return undefined;
      left = more?.length ?? 0;
      if (basis.size < n) next = more ?? (await draw());
    }
    const { values, vectors } = smallEigen(projected);
    const ends = (high: number, low: number): number[] => [
      ...Array.from({ length: low }, (_, i) => i),
      ...Array.from({ length: high }, (_, i) => size - high + i),
    ];
    const isFound = (i: number): boolean =>
      left * Math.abs(vectors[i]!.at(-1)!) <= settings.tolerance * Math.abs(values[i]!);
    const wantedAt = ends(settings.largest, settings.smallest);
    count.found = wantedAt.filter(isFound).length;
    const complete = count.found === wanted || size === n;
    if (complete || count.products + size > settings.maxProducts) {
      await basis.recombine(wantedAt.map((i) => vectors[i]!));
      const ritz = Array.from({ length: wanted }, (_, i) => basis.vector(i));
      const pairs = await verified(await space.vectors(ritz), operator, settings.threads);
      const misses = pairs.filter((p) => !(p.residual <= settings.tolerance * Math.abs(p.value)));
      const rounding = 16 * 2 ** -24 * Math.max(...values.map(Math.abs));
      return {
        largest: pairs.slice(settings.smallest).sort((a, b) => b.value - a.value),
        smallest: pairs.slice(0, settings.smallest).sort((a, b) => a.value - b.value),
        products: count.products,
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
  }
}

/** Vectors with length 1 and a definite sign; Rayleigh quotients and residuals by products of their own. */
async function verified(
  vectors: readonly Float32Array[],
  operator: SymmetricOperator,
  threads: number | undefined,
): Promise<Eigenpair[]> {
  const basis = new Basis(operator.dimension, 1, threads);
  try {
    const pairs: Eigenpair[] = [];
    for (const given of vectors) {
      basis.clear();
      const size = (await basis.orthogonalise(given)).left;
      const vector = basis.rest(size);
      makeDefinite(vector);
      basis.push(vector);
      const { along, left } = await basis.orthogonalise(await operator.product(vector));
      pairs.push({ value: along[0]!, residual: left, vector });
    }
    return pairs;
  } finally {
    basis.dispose();
  }
}

/** In place: the first component of largest magnitude becomes positive. */
function makeDefinite(vector: Float32Array): void {
  let [largest, size] = [0, 0];
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i]!;
    if (Math.abs(value) <= size) continue;
    largest = value;
    size = Math.abs(value);
  }
  if (largest < 0) for (let i = 0; i < vector.length; i++) vector[i] = -vector[i]!;
}

export function notFinite(): UserError {
  return new UserError({
    severity: 'error',
    code: 'hessian-not-finite',
    message: 'a product with the Hessian is not finite',
    hint: 'the model itself may have diverged: look at the history of its training',
  });
}
