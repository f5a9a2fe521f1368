import { Basis, inner, length, normalised } from './basis.ts';
import { notFinite } from './eigenpairs.ts';
import { reducedFor, reducedSpace, type Space, type SymmetricOperator, wholeSpace } from './operator.ts';
import { rademacher } from './rademacher.ts';
import { smallEigen } from './small.ts';

/** Gauss quadrature of one probe's spectral measure: Ritz values, ascending, and weights that sum to 1. */
export interface Quadrature {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
  /** Diagonal and off-diagonal of the tridiagonal matrix. */
  readonly alphas: readonly number[];
  readonly betas: readonly number[];
}

/**
 * Lanczos' method from a start vector with full reorthogonalisation. It ends early where the vector's invariant
 * subspace is exhausted. Where the operator has fewer coordinates, it runs in these until their space is.
 * @param start of any length but 0.
 * @param threads that share the work over vectors; default all of the machine. They decide no bits.
 */
export async function lanczosQuadrature(
  operator: SymmetricOperator,
  start: Float32Array,
  steps: number,
  progress: () => void = () => {},
  threads?: number,
): Promise<Quadrature> {
  const first = normalised(start);
  const within = async (space: Space): Promise<Tridiagonal | undefined> => {
    const basis = new Basis(space.dimension, Math.min(steps, space.dimension), threads, space.metric);
    try {
      return await tridiagonal(space, basis, progress);
    } finally {
      basis.dispose();
    }
  };
  const reduced = await reducedFor(operator, first, steps);
  const found = reduced && (await within(reducedSpace(reduced)));
  return quadratureOf(found ?? (await within(wholeSpace(operator, first)))!);
}

/** Diagonal and off-diagonal of Lanczos' matrix. */
type Tridiagonal = Pick<Quadrature, 'alphas' | 'betas'>;

/** @returns nothing where a space that is not the whole one is exhausted. */
async function tridiagonal(
  space: Space,
  basis: Basis,
  progress: () => void,
): Promise<Tridiagonal | undefined> {
  const alphas: number[] = [];
  const betas: number[] = [];
  let next = await space.measure(space.start, 1);
  for (;;) {
    basis.push(next.unit, next.dual);
    const { along, left } = await basis.orthogonalise(await next.image());
    if (!Number.isFinite(left)) throw notFinite();
    progress();
    alphas.push(along.at(-1)!);
    if (basis.size === basis.capacity) break;
    const rest = left > 0 ? await space.measure(basis.rest(left), left) : undefined;
    // Below rounding nothing new is left.
    if (!rest || !(rest.length > space.negligible * length(along))) {
      if (space.metric) return undefined;
      break;
    }
    betas.push(rest.length);
    next = rest;
  }
  return { alphas, betas };
}

function quadratureOf({ alphas, betas }: Tridiagonal): Quadrature {
  const { values, vectors } = smallEigen(
    alphas.map((alpha, i) =>
      alphas.map((_, j) => (i === j ? alpha : Math.abs(i - j) === 1 ? betas[Math.min(i, j)]! : 0)),
    ),
  );
  return { nodes: values, weights: vectors.map((vector) => vector[0]! ** 2), alphas, betas };
}

/**
 * Density of a spectrum from quadratures, as PyHessian draws it: each node a Gaussian, on a grid that reaches from the
 * probes' mean smallest to their mean largest node and `overhead` beyond; the mean of the probes, normalised so that
 * the sum over the grid times its step is 1.
 * @param variance of the Gaussians, relative to the larger of 1 and the grid's range.
 */
export function spectralDensity(
  quadratures: readonly Quadrature[],
  { points = 10_000, variance = 1e-5, overhead = 0.01 } = {},
): { grid: number[]; density: number[] } {
  const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const from = mean(quadratures.map(({ nodes }) => nodes[0]!)) - overhead;
  const to = mean(quadratures.map(({ nodes }) => nodes.at(-1)!)) + overhead;
  const sigma2 = variance * Math.max(1, to - from);
  const step = (to - from) / (points - 1);
  const grid = Array.from({ length: points }, (_, i) => (i === points - 1 ? to : from + i * step));
  const peak = 1 / Math.sqrt(2 * Math.PI * sigma2) / quadratures.length;
  const density = grid.map((x) => {
    let sum = 0;
    for (const { nodes, weights } of quadratures)
      for (let i = 0; i < nodes.length; i++)
        sum += weights[i]! * Math.exp(-((x - nodes[i]!) ** 2) / (2 * sigma2));
    return sum * peak;
  });
  const total = density.reduce((a, b) => a + b, 0) * step;
  return { grid, density: density.map((value) => value / total) };
}

/** A mean over probes with its standard error (null for a single probe). */
export interface Estimate {
  readonly value: number;
  readonly standardError: number | null;
}

export interface Hutchinson {
  /** tr H, from zᵀHz. */
  readonly trace: Estimate;
  /** ‖H‖²_F = tr H², from ‖Hz‖². */
  readonly squaredFrobenius: Estimate;
  /** zᵀHz of each probe. */
  readonly terms: readonly number[];
}

/** Below so many probes a standard error says little of itself. */
const leastProbes = 10;

/**
 * Hutchinson's estimates (1990) with signs as probes. It stops when the trace's standard error is at most `tolerance`
 * times the trace, not before ten probes, or after `maxProbes`. PyHessian stops when another probe changes the trace by
 * little: two probes that happen to agree then end it, with an error that nothing tells.
 */
export async function hutchinson(
  operator: SymmetricOperator,
  { seed, tolerance, maxProbes }: { seed: number; tolerance: number; maxProbes: number },
  progress: (probes: number) => void = () => {},
): Promise<Hutchinson> {
  const terms: number[] = [];
  const squares: number[] = [];
  for (let probe = 0; probe < maxProbes; probe++) {
    const z = rademacher(seed, probe, operator.dimension);
    const image = await operator.product(z);
    // z is a vector of signs over √n, as float32 has it.
    const scale = z[0]! * z[0]!;
    terms.push(inner(z, image) / scale);
    squares.push(inner(image, image) / scale);
    if (!Number.isFinite(terms.at(-1)!)) throw notFinite();
    progress(probe + 1);
    const { value, standardError } = estimate(terms);
    if (terms.length >= leastProbes && standardError! <= tolerance * Math.abs(value)) break;
  }
  return { trace: estimate(terms), squaredFrobenius: estimate(squares), terms };
}

function estimate(samples: readonly number[]): Estimate {
  const n = samples.length;
  const value = samples.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return { value, standardError: null };
  const variance = samples.reduce((sum, x) => sum + (x - value) ** 2, 0) / (n - 1);
  return { value, standardError: Math.sqrt(variance / n) };
}
