import { expect, test } from 'vitest';
import { expectedLargestNormal } from '../../src/landscape/order-statistics.ts';

test('the expected largest of n normal numbers: closed forms and published tables', () => {
  // Exact for 1 to 3; Harter, "Expected values of normal order statistics" (1961) for the others.
  const known: [number, number, number][] = [
    [1, 0, 6],
    [2, 1 / Math.sqrt(Math.PI), 6],
    [3, 1.5 / Math.sqrt(Math.PI), 6],
    [10, 1.53875, 5],
    [100, 2.50759, 5],
  ];
  for (const [n, value, digits] of known) expect(expectedLargestNormal(n)).toBeCloseTo(value, digits);
});
