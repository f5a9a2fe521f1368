/** Which examples a subset has. The rule is stated in docs/pipeline-format.md so that others can build the same one. */
import { createHash } from 'node:crypto';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { DatasetOptions } from './choice.ts';
import type { Split } from './layout.ts';

/** @throws UserError where more are asked for than there are. */
export function checkSubset(
  subset: DatasetOptions['subset'],
  split: Split,
  there: number | undefined,
  dataset: string,
): void {
  const count = subset?.[split];
  if (count !== undefined && there !== undefined && count > there)
    throw tooFew(count, `the ${split} split of "${dataset}"`, there);
}

function tooFew(wanted: number, what: string, there: number): UserError {
  return new UserError({
    severity: 'error',
    code: 'too-few-examples',
    message: `a subset of ${wanted} is asked for, but ${what} has ${there}`,
  });
}

/** @throws UserError where more examples are asked for than there are. */
export function refuseMore(count: number, there: number, label: string): void {
  if (count > there)
    throw new UserError({
      severity: 'error',
      code: 'too-few-examples',
      message: `${count} examples are asked for, but ${label} has ${there}`,
    });
}

/**
 * The rows of a subset, ascending. Without a seed the first of the file order; with one, those whose sha256 of
 * `[seed,"subset",split,row]` as JSON comes first. Balanced: of each class so many, the remainder to the lowest
 * classes. A larger subset of the same rule holds a smaller one (balanced: where no class is short).
 * @throws UserError where there are too few.
 */
export function subsetRows(
  labels: Uint16Array,
  split: Split,
  subset: DatasetOptions['subset'],
  classNames: readonly string[],
  dataset: string,
): Uint32Array {
  const all = Uint32Array.from({ length: labels.length }, (_, row) => row);
  const count = subset?.[split];
  if (subset === undefined || count === undefined) return all;
  checkSubset(subset, split, labels.length, dataset);
  const { seed } = subset;
  const ranked = seed === undefined ? all : drawn(all, split, seed);
  if (!subset.balanced) return ranked.slice(0, count).sort();
  const classes = classNames.length;
  const byClass: number[][] = classNames.map(() => []);
  for (const row of ranked) byClass[labels[row]!]!.push(row);
  const rows = byClass.flatMap((members, c) => {
    const share = Math.floor(count / classes) + (c < count % classes ? 1 : 0);
    if (share > members.length)
      throw tooFew(
        share,
        `the class "${classNames[c]}" of the ${split} split of "${dataset}"`,
        members.length,
      );
    return members.slice(0, share);
  });
  return Uint32Array.from(rows).sort();
}

function drawn(rows: Uint32Array, split: Split, seed: number): Uint32Array {
  const digests = Array.from(rows, (row) =>
    createHash('sha256')
      .update(JSON.stringify([seed, 'subset', split, row]))
      .digest(),
  );
  return Uint32Array.from(Array.from(rows).sort((a, b) => digests[a]!.compare(digests[b]!)));
}
