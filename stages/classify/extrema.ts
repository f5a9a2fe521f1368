/** A local minimum or maximum: samples `from` to `to` (a plateau, or one sample), all of the same value. */
export interface Extremum {
  readonly type: 'minimum' | 'maximum';
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** One turn of a curve: an extremum, or an end. */
interface Turn {
  readonly from: number;
  readonly to: number;
  readonly value: number;
}

/** Extrema that outlast a tolerance, and the heights at which all extrema would vanish. */
export interface Persistent {
  /** Interior ones, from left to right; minima and maxima alternate. */
  readonly extrema: readonly Extremum[];
  /** For each cancellation the gap that it took, ascending as they happen; beyond the tolerance as well. */
  readonly prominences: readonly number[];
}

/**
 * Step 3. Extrema by persistence: plateaus become one turn; then the adjacent pair of turns with the smallest gap is
 * cancelled as long as that gap is within the tolerance. The ends of the curve are turns that stay: a pair with an
 * end cancels only the other.
 */
export function persistentExtrema(values: readonly number[], tolerance: number): Persistent {
  let turns = turnsOf(values);
  let extrema = interior(turns);
  const prominences: number[] = [];
  let filtering = true;
  while (turns.length > 2) {
    const gap = smallestGap(turns);
    prominences.push(gap.height);
    turns = cancelled(turns, gap.left);
    // The first pair that stands out ends the filtering: what cancels after it only tells prominences.
    filtering &&= gap.height <= tolerance;
    if (filtering) extrema = interior(turns);
  }
  return { extrema, prominences };
}

/** The ends and all interior extrema of a sampled curve; a plateau is one turn. */
function turnsOf(values: readonly number[]): Turn[] {
  const runs: Turn[] = [];
  for (const [i, value] of values.entries()) {
    const last = runs.at(-1);
    if (last && last.value === value) runs[runs.length - 1] = { ...last, to: i };
    else runs.push({ from: i, to: i, value });
  }
  return runs.filter((run, r) => {
    const before = runs[r - 1];
    const after = runs[r + 1];
    return !before || !after || (run.value - before.value) * (run.value - after.value) > 0;
  });
}

function smallestGap(turns: readonly Turn[]): { left: number; height: number } {
  let best = { left: 0, height: Number.POSITIVE_INFINITY };
  for (let left = 0; left + 1 < turns.length; left++) {
    const height = Math.abs(turns[left + 1]!.value - turns[left]!.value);
    if (height < best.height) best = { left, height };
  }
  return best;
}

/** Without the pair at `left` and `left + 1`, save an end. */
function cancelled(turns: readonly Turn[], left: number): Turn[] {
  return turns.filter((_, i) => (i !== left && i !== left + 1) || i === 0 || i === turns.length - 1);
}

function interior(turns: readonly Turn[]): Extremum[] {
  return turns
    .slice(1, -1)
    .map((turn, i) => ({ type: turn.value < turns[i]!.value ? 'minimum' : 'maximum', ...turn }));
}
