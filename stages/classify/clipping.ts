/** What of a curve counts, and how large a wiggle must be to count. */
export interface Clipped {
  /** The losses, cut off at the cap; those that are not finite are at the cap. */
  readonly values: readonly number[];
  readonly cap: number;
  /** Wiggles up to this height are ignored. */
  readonly tolerance: number;
  /** The whole curve stays within what counts as one level. */
  readonly flat: boolean;
}

/**
 * Step 2. z = min(y, 1.25·max(log C, y₀)), because far above log C a curve is arbitrary; τ = max(1e-4, 3σ, 2 % of z's
 * range); flat where the range is at most max(3e-4, 5σ).
 * @param atModel index of the sample at θ.
 * @param classes C, or null where there is none.
 * @param noise σ: standard deviation of what separates a sample from its neighbours beside λ. It is 0 where all
 *   samples were measured on the same images: their common sampling error moves the curve as a whole.
 */
export function clip(
  losses: readonly number[],
  atModel: number,
  classes: number | null,
  noise: number,
): Clipped {
  const levels = [classes === null ? Number.NaN : Math.log(classes), losses[atModel] ?? Number.NaN].filter(
    Number.isFinite,
  );
  const cap = levels.length > 0 ? 1.25 * Math.max(...levels) : Math.max(...losses.filter(Number.isFinite), 0);
  const values = losses.map((loss) => (Number.isFinite(loss) ? Math.min(loss, cap) : cap));
  const range = Math.max(...values) - Math.min(...values);
  return {
    values,
    cap,
    tolerance: Math.max(1e-4, 3 * noise, 0.02 * range),
    flat: range <= Math.max(3e-4, 5 * noise),
  };
}
