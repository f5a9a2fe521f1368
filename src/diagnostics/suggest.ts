/** The most that a search for a close name may cost, in compared characters. */
const budget = 2_000_000;

/**
 * The candidate that the user probably meant: the smallest edit distance (insert, delete, replace, swap of neighbours;
 * upper and lower case count as half a step), at most a third of the name's length. Ties go to the first.
 */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = name.length === 1 ? 0.75 : Math.max(1, Math.floor(Math.min(name.length, 60) / 3)) + 0.5;
  let spent = 0;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) > bestDistance) continue;
    spent += candidate.length * name.length;
    if (spent > budget) break;
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The hint for a close name, or undefined. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const found = closest(name, candidates);
  return found === undefined ? undefined : `did you mean "${found}"?`;
}

/** Names for an `expected:` line: all of a few, the first of many. */
export function oneOf(names: Iterable<string>, most = 12): string {
  const list: string[] = [];
  let count = 0;
  for (const name of names) if (++count <= most) list.push(name);
  if (count === 0) return 'nothing';
  if (count === 1) return list[0]!;
  return count <= most ? `one of ${list.join(', ')}` : `one of ${list.join(', ')} and ${count - most} more`;
}

function editDistance(a: string, b: string): number {
  if (a.toLowerCase() === b.toLowerCase()) return 0.5;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const near = !same && a[i - 1]!.toLowerCase() === b[j - 1]!.toLowerCase();
      let least = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : near ? 0.5 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforePrevious[j - 2]! + 1);
      }
      row.push(least);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}
