import { describe, expect, it } from 'vitest';
import type { Instance } from '../../src/plan/plan.ts';
import { checkExpectations } from '../../src/run/expectations.ts';
import type { Json } from '../../src/util/json.ts';

const held = (expected: Json, actual: Json): boolean => {
  const instance = { id: 's', expect: { fact: expected } } as unknown as Instance;
  const [told] = checkExpectations(instance, { fact: actual });
  expect(told).toMatchObject({ stage: 's', fact: 'fact', expected, actual });
  return told!.held;
};

describe('an expectation', () => {
  it('is a value, any of a list of values, or a closed range of numbers', () => {
    expect(held('v-basin', 'v-basin')).toBe(true);
    expect(held('v-basin', 'w-basin')).toBe(false);
    expect(held(1, '1')).toBe(false);
    expect(held(['v-basin', 'v-side'], 'v-side')).toBe(true);
    expect(held(['v-basin', 'v-side'], 'w-peak')).toBe(false);
    expect(held([], 'v-side')).toBe(false);
    for (const [value, within] of [
      [0.99, false],
      [1, true],
      [1.5, true],
      [2, true],
      [2.01, false],
    ] as const)
      expect(held({ min: 1, max: 2 }, value), `${value}`).toBe(within);
    expect(held({ min: 1 }, 1e9)).toBe(true);
    expect(held({ max: 1 }, 2)).toBe(false);
    expect(held({ min: 1 }, 'many')).toBe(false);
    expect(held([3, { min: 1, max: 2 }], 1.5)).toBe(true);
  });

  it('of a fact of several values, one a curve, is of each of them', () => {
    expect(held('v-basin', ['v-basin', 'v-basin'])).toBe(true);
    expect(held('v-basin', ['v-basin', 'w-basin'])).toBe(false);
    expect(held(['v-basin', 'w-basin'], ['v-basin', 'w-basin'])).toBe(true);
    expect(held({ min: 1 }, [1, 0.5])).toBe(false);
    expect(held('v-basin', [])).toBe(false);
  });

  it('of a mapping is of the whole of it, and never holds where nothing was found', () => {
    expect(held({ min: 1, other: 2 }, { min: 1, other: 2 })).toBe(true);
    expect(held({ min: 1, other: 2 }, 1)).toBe(false);
    expect(held({}, 1)).toBe(false);
    expect(held('x', null)).toBe(false);
    const instance = { id: 's', expect: { a: 1 } } as unknown as Instance;
    expect(checkExpectations(instance, null)).toEqual([
      { stage: 's', fact: 'a', expected: 1, actual: null, held: false },
    ]);
  });
});
