/**
 * Where a network of layers can be cut: between two steps that a single tensor passes. What lies between two cuts can be
 * computed again for the gradient from that tensor alone (see `engine/recomputed.ts`).
 */
import { inputName } from './layer.ts';

/** One computation: what it takes and what comes out, by name. */
export interface Passage {
  readonly from: readonly string[];
  readonly to: string;
  /** Numbers an example of all that a gradient keeps of it. */
  readonly inside: number;
  /** Numbers an example of what comes out. */
  readonly size: number;
}

export interface Segment<Step> {
  readonly steps: readonly Step[];
  /** The tensor that goes in. */
  readonly from: string;
  readonly to: string;
}

/**
 * Cuts so that what is kept at the cuts and what lies in the largest segment take the least memory together: only one
 * segment at a time is computed again.
 * @param inputSize numbers an example of the network's input.
 * @param last name of the network's output.
 */
export function segmentsOf<Step extends Passage>(
  steps: readonly Step[],
  inputSize: number,
  last: string,
): Segment<Step>[] {
  const ends = cutsOf(steps, last);
  const starts = [0, ...ends.slice(0, -1)];
  const kept = starts.map((start) => (start === 0 ? inputSize : steps[start - 1]!.size));
  const inside = starts.map((start, i) =>
    steps.slice(start, ends[i]).reduce((sum, step) => sum + step.inside, 0),
  );
  const cuts = cheapest(kept, inside).map((piece) => starts[piece]!);
  return cuts.map((start, c) => {
    const end = cuts[c + 1] ?? steps.length;
    return {
      steps: steps.slice(start, end),
      from: start === 0 ? inputName : steps[start - 1]!.to,
      to: end === steps.length ? last : steps[end - 1]!.to,
    };
  });
}

/** Ascending numbers of steps after which nothing but what the last of them gives is still read; last, all steps. */
function cutsOf(steps: readonly Passage[], last: string): number[] {
  const readers = new Map<string, number>([[last, steps.length]]);
  for (const [s, { from }] of steps.entries())
    for (const name of from) readers.set(name, Math.max(readers.get(name) ?? 0, s));
  const ends: number[] = [];
  let reach = readers.get(inputName) ?? 0;
  for (const [s, { to }] of steps.entries()) {
    const read = readers.get(to) ?? -1;
    if (s + 1 === steps.length || (reach <= s && read > s)) ends.push(s + 1);
    reach = Math.max(reach, read);
  }
  return ends;
}

/**
 * Consecutive pieces in groups, such that the sum of `kept` over the groups' first pieces and the largest sum of
 * `inside` over a group are the least together: for each of a row of bounds on the latter, every one a twentieth larger,
 * the best groups are found exactly.
 * @returns the first piece of each group.
 */
function cheapest(kept: readonly number[], inside: readonly number[]): number[] {
  const all = inside.reduce((sum, one) => sum + one, 0);
  let best = { cost: Number.POSITIVE_INFINITY, firsts: [0] };
  for (let bound = Math.max(...inside); ; bound = Math.min(bound * 1.05 + 1, all)) {
    const { cost, firsts } = bounded(kept, inside, bound);
    if (cost + bound < best.cost) best = { cost: cost + bound, firsts };
    if (bound >= all) return best.firsts;
  }
}

/** Of groups with no more than the bound inside, those that keep the least. */
function bounded(kept: readonly number[], inside: readonly number[], bound: number) {
  const count = kept.length;
  // Of the pieces from each on: the least that is kept, and the first piece of the next group.
  const costs = new Array<number>(count + 1).fill(Number.POSITIVE_INFINITY);
  const nexts = new Array<number>(count).fill(count);
  costs[count] = 0;
  for (let first = count - 1; first >= 0; first--) {
    let sum = 0;
    for (let next = first + 1; next <= count; next++) {
      sum += inside[next - 1]!;
      if (sum > bound) break;
      const cost = kept[first]! + costs[next]!;
      if (cost < costs[first]!) [costs[first], nexts[first]] = [cost, next];
    }
  }
  const firsts: number[] = [];
  for (let at = 0; at < count; at = nexts[at]!) firsts.push(at);
  return { cost: costs[0]!, firsts };
}
