import type { Estimate } from '../../src/spectral/quadrature.ts';
import type { JsonObject } from '../../src/util/json.ts';

/** The output `changes`: δL = λεᵀg + ½λ²εᵀHε for Gaussian ε with deviation σ. */
export interface ChangesTable {
  readonly format: 'orograph-changes/1';
  /** εᵀg and εᵀHε of each sample. */
  readonly slopes: readonly number[];
  readonly curvatures: readonly number[];
  /** ‖g‖². */
  readonly squaredGradient: number;
  /** tr H out of εᵀHε, and tr H² out of ‖Hε‖². */
  readonly trace: Estimate;
  readonly squaredTrace: Estimate;
  readonly changes: readonly Change[];
  readonly subject: JsonObject;
}

export interface Change {
  readonly lambda: number;
  readonly values: readonly number[];
  readonly mean: number;
  readonly deviation: number;
  /**
   * ½λ²σ² tr H, and the root of λ²σ²‖g‖² + ½λ⁴σ⁴ tr H² (the paper's Eq. 4,
   * corrected), with the traces as estimated above.
   */
  readonly expected: { readonly mean: number; readonly deviation: number };
}
