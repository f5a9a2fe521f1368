import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/util/random.ts';
import { categories } from '../../../stages/classify/category.ts';
import { classifyCurve, summarise } from '../../../stages/classify/classify.ts';
import { clip } from '../../../stages/classify/clipping.ts';
import { persistentExtrema } from '../../../stages/classify/extrema.ts';
import { modelIndex, roleOf } from '../../../stages/classify/role.ts';
import { countStationaryPoints } from '../../../stages/classify/stationary-points.ts';
import { linspace } from '../../../stages/evaluate/grid.ts';

/** Classifies a function sampled on a grid, ten classes. */
function classified(f: (lambda: number) => number, grid: readonly number[] = [-1, 1, 41]) {
  const [from, to, points] = grid as [number, number, number];
  const lambdas = linspace(from, to, points);
  return classifyCurve(lambdas, lambdas.map(f), 10);
}
const gauss = (x: number, at: number, width: number): number => Math.exp(-(((x - at) / width) ** 2));
/** Two wells: at 0 and 1, with a barrier between. */
const twoWells = (x: number): number => 0.4 + 8 * (x * (x - 1)) ** 2;
const threeWells = (x: number): number =>
  1.5 - gauss(x, -0.6, 0.15) - gauss(x, 0, 0.15) - gauss(x, 0.6, 0.15);

describe('categories of curves', () => {
  test.each<[string, string, (x: number) => number, number[]?]>([
    ['v-basin', 'a parabola', (x) => 1 + x * x],
    ['v-basin', 'a kink', (x) => 1 + Math.abs(x)],
    ['v-basin', 'a basin whose bottom is a plateau', (x) => 1 + Math.max(0, Math.abs(x) - 0.4)],
    ['v-basin', 'a basin that rises far above log C', (x) => 1 + 1000 * x * x],
    [
      'v-basin',
      'a basin with infinite walls',
      (x) => (Math.abs(x) > 0.7 ? Number.POSITIVE_INFINITY : 1 + x * x),
    ],
    ['v-basin', 'a basin that ends in NaN', (x) => (Math.abs(x) > 0.7 ? Number.NaN : 1 + x * x)],
    ['v-side', 'a slope', (x) => 2 - x],
    ['v-side', 'a minimum elsewhere', (x) => 1 + (x - 0.6) ** 2],
    ['v-side', 'a monotone curve between two checkpoints', (x) => 2 - 1.5 * x, [0, 1, 11]],
    ['w-basin', 'a well at θ and one at the target', twoWells, [-1, 2, 61]],
    ['w-basin', 'with a barrier above log C', (x) => 0.4 + 80 * (x * (x - 1)) ** 2, [-1, 2, 61]],
    ['w-peak', 'θ between two wells', (x) => 1.5 - gauss(x, -0.5, 0.2) - gauss(x, 0.5, 0.2)],
    ['w-side', 'θ on the way into one of two wells', (x) => twoWells(x * 2 + 1.3)],
    ['vvv-basin', 'θ in the middle of three wells', threeWells],
    ['open w-basin', 'a barrier beside θ, open to one side', (x) => 1 + x * x * (1 - x) * 4],
    ['open w-peak', 'a hilltop', (x) => 2 - x * x],
    ['flat', 'nothing to see', (x) => 1 + 1e-5 * x],
    ['flat', 'all NaN', () => Number.NaN],
    ['chaotic', 'many wells', (x) => 1 + 0.5 * Math.cos(20 * x)],
    ['other', 'three wells with θ on a slope', (x) => threeWells(x + 0.2)],
  ])('%s: %s', (category, _, f, grid) => {
    expect(classified(f, grid).category).toBe(category);
  });

  test('float noise changes nothing but the raw count', () => {
    const noise = new Random([1, 'noise']).gaussians(41);
    const smooth = classified((x) => 1 + x ** 4);
    let i = 0;
    const rough = classified((x) => 1 + x ** 4 + 2e-3 * noise[i++]!);
    expect(rough.category).toBe('v-basin');
    expect(rough['stationary-points']).toBeGreaterThan(smooth['stationary-points']);
    expect(rough.extrema).toBe(1);
  });

  test('wiggles above log C are noted, not counted', () => {
    const curve = classified((x) => 0.5 + 6 * x * x + (Math.abs(x) > 0.75 ? 0.8 * Math.cos(60 * x) : 0));
    expect(curve.category).toBe('v-basin');
    expect(curve.notes).toContain('chaotic above log C');
  });

  test('an extremum as high as the tolerance is noted', () => {
    // The barrier of a double well relative to the range of the curve is what moves.
    const barrier = (height: number) => (x: number) => 1 + x * x - height * gauss(x, 0.5, 0.1);
    expect(classified(barrier(0.4)).notes).toEqual([]);
    const notes = [0.1, 0.105, 0.11, 0.12, 0.13, 0.14].map((h) => classified(barrier(h)).notes);
    expect(notes.flat()).toContain('transitional');
  });

  test('a curve mirrored or scaled in λ is classified alike', () => {
    const category = (f: (x: number) => number) => classified(f).category;
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 2.8, noNaN: true }), { minLength: 41, maxLength: 41 }),
        (values) => {
          const lambdas = linspace(-1, 1, 41);
          const mirrored = classifyCurve(lambdas, [...values].reverse(), 10);
          const straight = classifyCurve(lambdas, values, 10);
          expect(mirrored.category).toBe(straight.category);
          expect(mirrored['stationary-points']).toBe(straight['stationary-points']);
          expect(
            classifyCurve(
              lambdas.map((l) => 7 * l),
              values,
              10,
            ),
          ).toEqual(straight);
        },
      ),
      { numRuns: 200 },
    );
    expect(category((x) => 1 + x * x)).toBe(category((x) => 1 + 0.3 * x * x));
  });

  test('upside down, minima and maxima of a curve change places', () => {
    const turned = { minimum: 'maximum', maximum: 'minimum' } as const;
    fc.assert(
      fc.property(
        // Few different heights, so that plateaus and equal gaps come about.
        fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.double({ min: 0, max: 4, noNaN: true })), {
          minLength: 2,
          maxLength: 30,
        }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (values, tolerance) => {
          const upsideDown = values.map((value) => -value);
          const { extrema, prominences } = persistentExtrema(values, tolerance);
          const wanted = extrema.map((one) => ({ ...one, type: turned[one.type], value: -one.value }));
          expect(persistentExtrema(upsideDown, tolerance)).toEqual({ extrema: wanted, prominences });
          expect(countStationaryPoints(upsideDown)).toBe(countStationaryPoints(values));
        },
      ),
      { numRuns: 500 },
    );
    // Wells are what categories are named for: there a minimum upside down is something else.
    const bowl = (x: number): number => 1 + x * x;
    expect([classified(bowl).category, classified((x) => 3 - bowl(x)).category]).toEqual([
      'v-basin',
      'open w-peak',
    ]);
  });

  test('whatever the samples are, there is a category', () => {
    const sample = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0, 1, 1));
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 2, maxLength: 30 }),
        fc.double({ min: -3, max: 0, noNaN: true }),
        (losses, from) => {
          const { category } = classifyCurve(linspace(from, 2, losses.length), losses, 10);
          expect(categories).toContain(category);
        },
      ),
    );
  });
});

describe('the steps', () => {
  test('1: the paper’s count is unfiltered, and blind to plateaus and ends', () => {
    expect(countStationaryPoints([3, 1, 2, 0, 5])).toBe(3);
    expect(countStationaryPoints([3, 1, 1, 2])).toBe(0);
    expect(countStationaryPoints([1, 2, 3])).toBe(0);
    expect(countStationaryPoints([2, 1, Number.NaN, 1, 2])).toBe(0);
    expect(countStationaryPoints([Number.POSITIVE_INFINITY, 1, Number.POSITIVE_INFINITY])).toBe(1);
    expect(countStationaryPoints([1])).toBe(0);
    expect(countStationaryPoints([1, 1 + 1e-15, 1])).toBe(1);
  });

  test('2: losses are cut off at 1.25 times the larger of log C and θ’s loss', () => {
    const { values, cap, tolerance, flat } = clip([100, 1, Number.NaN, Number.POSITIVE_INFINITY], 1, 10, 0);
    expect(cap).toBeCloseTo(1.25 * Math.log(10), 12);
    expect(values).toEqual([cap, 1, cap, cap]);
    expect(tolerance).toBeCloseTo(0.02 * (cap - 1), 12);
    expect(flat).toBe(false);
    expect(clip([9, 4], 0, 10, 0).cap).toBe(11.25);
    expect(clip([9, 4, 2], 1, null, 0).cap).toBe(5);
    expect(clip([1, 1.04], 0, 10, 0.01).flat).toBe(true);
    expect(clip([1, 1.04], 0, 10, 0.001).tolerance).toBeCloseTo(0.003, 12);
  });

  test('3: the smallest gaps cancel first, plateaus are one turn, ends stay', () => {
    const extrema = (values: number[], tolerance: number) =>
      persistentExtrema(values, tolerance).extrema.map(({ type, from, to }) => `${type} ${from}-${to}`);
    expect(extrema([5, 1, 1, 1, 4], 0)).toEqual(['minimum 1-3']);
    expect(extrema([5, 1, 1.2, 0.9, 4], 0.1)).toEqual(['minimum 1-1', 'maximum 2-2', 'minimum 3-3']);
    expect(extrema([5, 1, 1.2, 0.9, 4], 0.2)).toEqual(['minimum 3-3']);
    expect(extrema([1, 1.05, 0], 0.051)).toEqual([]);
    expect(extrema([1, 1.05, 0], 0.04)).toEqual(['maximum 1-1']);
    expect(extrema([1, 2, 2, 3], 0)).toEqual([]);
    expect(extrema([1, 1, 1], 0)).toEqual([]);
    expect(extrema([], 0)).toEqual([]);
    expect(persistentExtrema([5, 1, 1.5, 0, 4], 0).prominences).toEqual([0.5, 4]);
  });

  test('4: θ is at the nearest extremum that it reaches without climbing', () => {
    const minimum = { type: 'minimum', from: 3, to: 4, value: 1 } as const;
    expect(roleOf(2, [minimum], [3, 2, 1.5, 1, 1, 2], 0.1)).toBe('minimum');
    expect(roleOf(1, [minimum], [3, 2, 1.5, 1, 1, 2], 0.1)).toBe('slope');
    expect(roleOf(0, [minimum], [1.05, 1.04, 1.02, 1, 1, 2], 0.1)).toBe('minimum');
    expect(roleOf(0, [minimum], [1.05, 1.4, 1.02, 1, 1, 2], 0.1)).toBe('slope');
    expect(roleOf(undefined, [minimum], [], 0.1)).toBe('slope');
    expect(modelIndex(linspace(-1, 2, 61))).toBe(20);
    expect(modelIndex(linspace(-1, 2, 41))).toBe(13);
    expect(modelIndex(linspace(0.5, 2, 5))).toBeUndefined();
  });

  test('curves together have one category, or are mixed', () => {
    const basin = classified((x) => 1 + x * x);
    const side = classified((x) => 2 - x);
    expect(summarise([basin, basin])).toMatchObject({ category: 'v-basin', 'stationary-points': 1 });
    expect(summarise([basin, side])).toMatchObject({
      category: 'mixed',
      categories: { 'v-basin': 1, 'v-side': 1 },
      'stationary-points': 0.5,
    });
  });
});
