/** The families of curves of Garipov et al. (2018), section 3.2. */
export type CurveFamily = 'bezier' | 'polygon';

/**
 * Coefficients of a curve's control points (both ends included) at t: φ(t) = Σ cᵢ(t)·wᵢ, Σ cᵢ = 1. A Bézier curve has
 * the Bernstein polynomials (for one bend (1-t)², 2t(1-t), t²), a polygonal chain hat functions at equal steps of t.
 * @param points at least 2.
 */
export function coefficients(family: CurveFamily, points: number, t: number): number[] {
  const n = points - 1;
  return Array.from({ length: points }, (_, i) =>
    family === 'bezier' ? binomial(n, i) * t ** i * (1 - t) ** (n - i) : Math.max(0, 1 - Math.abs(n * t - i)),
  );
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}
