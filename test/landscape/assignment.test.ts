import { expect, test } from 'vitest';
import { bestAssignment } from '../../src/landscape/assignment.ts';
import { Random } from '../../src/util/random.ts';

/** The largest sum over all n! assignments. */
function bruteForce(gains: Float64Array, n: number, row = 0, used = 0): number {
  if (row === n) return 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < n; c++)
    if (!(used & (1 << c)))
      best = Math.max(best, gains[row * n + c]! + bruteForce(gains, n, row + 1, used | (1 << c)));
  return best;
}

test('the assignment is the best of all, ties and negative gains included', () => {
  const random = new Random([1, 'assignment']);
  for (let n = 1; n <= 7; n++)
    for (let round = 0; round < 20; round++) {
      const gains = Float64Array.from({ length: n * n }, () =>
        round % 2 ? random.below(4) - 2 : random.uniform() - 0.5,
      );
      const columns = bestAssignment(gains, n);
      expect([...columns].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      const sum = columns.reduce((total, c, row) => total + gains[row * n + c]!, 0);
      expect(sum).toBeCloseTo(bruteForce(gains, n), 10);
    }
});

test('a hidden permutation of 200 is found', () => {
  const n = 200;
  const random = new Random([2, 'assignment']);
  const hidden = random.permutation(n);
  const gains = Float64Array.from({ length: n * n }, () => random.uniform());
  hidden.forEach((column, row) => {
    gains[row * n + column]! += 1;
  });
  expect([...bestAssignment(gains, n)]).toEqual([...hidden]);
});
