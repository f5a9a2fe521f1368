import type { JsonObject } from '../../src/util/json.ts';
import type { Rise, Side } from './valley.ts';

/** The output `asymmetry`: one row a curve. */
export interface AsymmetryTable {
  readonly format: 'orograph-asymmetry/1';
  readonly series: readonly AsymmetryRow[];
  readonly subject: JsonObject;
}

export interface AsymmetryRow {
  readonly name: string;
  readonly direction: string;
  /** λ of the valley's bottom, and the loss there. */
  readonly bottom: number;
  readonly loss: number;
  /** ζ and r: the distances over which slopes were taken. */
  readonly from: number;
  readonly to: number;
  readonly flat: Side;
  readonly positive: Rise;
  readonly negative: Rise;
  /** Mean slopes, sharp over flat; null where the flat side does not rise. */
  readonly ratio: number | null;
  /** Of Definition 1; c is null where the flat side rises nowhere. */
  readonly p: number;
  readonly c: number | null;
  readonly asymmetric: boolean;
  /** Under shifts of ±size: where the expected loss is smallest, from the bottom and positive towards the flat side. */
  readonly shift: {
    readonly size: number;
    readonly bias: number;
    /** The expected loss at the bottom and at the bias. */
    readonly 'loss-at-bottom': number;
    readonly 'loss-at-bias': number;
  };
  /** Of the input `other` against this curve; null without it. */
  readonly gap: {
    /** δ and ξ of the shift gap, and ξ for δ = 0. */
    readonly shift: number;
    readonly gap: number;
    readonly unshifted: number;
    /** λ of the other curve's bottom. */
    readonly bottom: number;
  } | null;
}
