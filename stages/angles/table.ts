import type { JsonObject } from '../../src/util/json.ts';

/** The output `angles`. */
export interface AngleTable {
  readonly format: 'orograph-angles/1';
  /** One a kind of pair, for histograms. */
  readonly groups: readonly AngleGroup[];
  /** The given directions `x` against every target: cosines[i][j] of x[i] and targets[j]; null without `x`. */
  readonly given: {
    readonly x: readonly string[];
    readonly targets: readonly string[];
    readonly cosines: readonly (readonly number[])[];
  } | null;
  /** ‖g‖² of each batch. */
  readonly squaredNorms: readonly number[];
  /** Of the Gaussian with the smallest angle to the first target (else to its batch's gradient); null without samples. */
  readonly best: { readonly member: number; readonly to: string; readonly degrees: number } | null;
  readonly subject: JsonObject;
}

export interface AngleGroup {
  /** `gaussian` or `negative-gradient`. */
  readonly from: string;
  /** `negative-gradient`, or a target's name. */
  readonly to: string;
  readonly degrees: readonly number[];
  /**
   * For a Gaussian in d dimensions against a fixed vector: mean 90; the deviation of the angle is that of the cosine,
   * 1/√d (exact for the cosine, and for the angle up to terms of order 1/d); the smallest of so many samples is
   * 90° - asin(mₙ/√d) with mₙ the expected largest of n standard normal numbers.
   */
  readonly expected?: { readonly deviation: number; readonly smallest: number };
}
