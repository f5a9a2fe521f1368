import type { Estimate } from '../../src/spectral/quadrature.ts';
import type { Change } from './table.ts';

/** What is known of one Gaussian. */
export interface Sample {
  /** εᵀg. */
  readonly slope: number;
  /** εᵀHε. */
  readonly curvature: number;
  /** ‖Hε‖². */
  readonly squaredImage: number;
}

/**
 * The change of the loss to second order for each sample and λ, and what its mean and variance should be: for ε with
 * independent normal values of deviation σ, E δL = ½λ²σ² tr H and Var δL = λ²σ²‖g‖² + ½λ⁴σ⁴ tr H² (the slope and the
 * curvature of a Gaussian are not correlated).
 * @param sigma σ.
 */
export function changesOf(
  samples: readonly Sample[],
  squaredGradient: number,
  lambdas: readonly number[],
  sigma: number,
): { trace: Estimate; squaredTrace: Estimate; changes: Change[] } {
  const trace = estimate(samples.map(({ curvature }) => curvature / sigma ** 2));
  const squaredTrace = estimate(samples.map(({ squaredImage }) => squaredImage / sigma ** 2));
  const changes = lambdas.map((lambda): Change => {
    const values = samples.map(({ slope, curvature }) => lambda * slope + 0.5 * lambda ** 2 * curvature);
    const { value: mean, standardError } = estimate(values);
    return {
      lambda,
      values,
      mean,
      deviation: standardError! * Math.sqrt(samples.length),
      expected: {
        mean: 0.5 * (lambda * sigma) ** 2 * trace.value,
        deviation: Math.sqrt(
          (lambda * sigma) ** 2 * squaredGradient + 0.5 * (lambda * sigma) ** 4 * squaredTrace.value,
        ),
      },
    };
  });
  return { trace, squaredTrace, changes };
}

function estimate(list: readonly number[]): Estimate {
  const n = list.length;
  const value = list.reduce((a, b) => a + b, 0) / n;
  const variance = list.reduce((sum, x) => sum + (x - value) ** 2, 0) / (n - 1);
  return { value, standardError: Math.sqrt(variance / n) };
}
