import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as barriers from '../../pipelines/shared/barriers.ts';
import * as count from '../../pipelines/shared/count.ts';
import * as lowest from '../../pipelines/shared/lowest.ts';
import * as mass from '../../pipelines/shared/mass.ts';
import * as middle from '../../pipelines/shared/middle.ts';
import * as monotonic from '../../pipelines/shared/monotonic.ts';
import * as numbers from '../../pipelines/shared/numbers.ts';
import * as peak from '../../pipelines/shared/peak.ts';
import * as sides from '../../pipelines/shared/sides.ts';
import * as stationary from '../../pipelines/shared/stationary.ts';
import type { Facts, FactsOf } from '../../src/kind/stage-kind.ts';
import { type Curves, encodeCurves } from '../../src/landscape/curves.ts';

/** The stages by which figures state what the paper claims: run on curves of known shape. */

const folder = mkdtempSync(join(tmpdir(), 'orograph-claims-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const written = (text: string): { path: string } => {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, text);
  return { path };
};

interface Claim {
  readonly default: unknown;
  readonly facts: FactsOf;
}

async function factsFrom(
  claim: Claim,
  output: string,
  inputs: readonly { path: string }[],
  params: object = {},
): Promise<Facts> {
  const made = join(folder, `${files++}.json`);
  const { run } = claim.default as { run: (context: object) => Promise<void> };
  await run({ params, list: () => inputs, input: () => inputs[0]!, output: () => made });
  return claim.facts({ [output]: { path: made } } as never);
}

const at = Array.from({ length: 21 }, (_, i) => (i - 10) / 10);
const curves = (...functions: readonly ((t: number) => number)[]): { path: string } =>
  written(
    encodeCurves({
      format: 'orograph-curves/1',
      axes: [{ label: 'λ', values: at, marks: [] }],
      series: functions.map((f, i) => ({
        name: String(i),
        direction: 'gaussian',
        metrics: { loss: at.map(f) },
      })),
      classes: 10,
      subject: {},
    } satisfies Curves),
  );

/** Two valleys at ±0.5, the one at the right raised by `tilt`; between them, at 0, a peak of `height`. */
const wPeak =
  (height: number, tilt = 0) =>
  (t: number) =>
    1 + height * (16 * t ** 4 - 8 * t ** 2 + 1) + (t > 0 ? tilt * Math.min(1, 2 * t) : 0);

describe('the height of a peak', () => {
  it('is what a path out of it to the nearer of its two sides has to fall', async () => {
    const { first, last } = await factsFrom(peak, 'heights', [curves(wPeak(0.4)), curves(wPeak(0.4, 0.1))]);
    expect(first).toBeCloseTo(0.4, 12);
    expect(last).toBeCloseTo(0.3, 12);
  });

  it('is that of a peak beside the perturbed model; a hill further away is none', async () => {
    const moved = (by: number) => (t: number) => wPeak(0.4)(t - by);
    const of = async (f: (t: number) => number): Promise<unknown> =>
      (await factsFrom(peak, 'heights', [curves(f)])).first;
    expect(await of(moved(0.1))).toBeCloseTo(0.4, 12);
    expect(await of(moved(-0.1))).toBeCloseTo(0.4, 12);
    expect(await of(moved(0.3))).toBe(0);
    expect(await of((t) => t)).toBe(0);
    // At the bottom of a basin between two hills.
    expect(await of((t) => 1 - wPeak(0.4)(t))).toBe(0);
  });

  it('falls where each is a lower one, and not where one is as high or where the first is none', async () => {
    const falls = async (...heights: readonly number[]): Promise<unknown> =>
      (await factsFrom(peak, 'heights', [curves(...heights.map((h) => wPeak(h)))])).falls;
    expect(await falls(0.5, 0.2, 0.1)).toBe(true);
    expect(await falls(0.5, 0.2, -1)).toBe(true);
    expect(await falls(0.5, -1, -1)).toBe(true);
    expect(await falls(0.5, -1, 0.1)).toBe(false);
    expect(await falls(0.5, 0.2, 0.2)).toBe(false);
    expect(await falls(0.1, 0.2)).toBe(false);
    expect(await falls(-0.1, -0.2)).toBe(false);
  });
});

describe('stationary points', () => {
  it('are counted below and above log C, means over the curves, and the most of one', async () => {
    const basin = (t: number): number => t * t;
    // Three points below log 10 = 2.303; beyond |t| = 0.7 it waves above.
    const waving = (t: number): number => (Math.abs(t) > 0.7 ? 3 + 0.3 * Math.sin(100 * t) : wPeak(0.4)(t));
    const loss = at.map(waving);
    const inner = loss.slice(1, -1).filter((v, i) => (v - loss[i]!) * (v - loss[i + 2]!) > 0);
    const above = inner.filter((v) => v > Math.log(10)).length;
    expect(above).toBeGreaterThan(0);
    expect(inner).toHaveLength(3 + above);
    const facts = await factsFrom(stationary, 'counts', [curves(basin), curves(waving)]);
    expect(facts).toEqual({ below: 2, above: above / 2, most: 3 + above });
  });
});

describe('a count of categories', () => {
  it('goes over all curves of all inputs', async () => {
    const rows = (...categories: string[]): { path: string } =>
      written(JSON.stringify({ series: categories.map((category) => ({ category })) }));
    const inputs = [rows('w-basin', 'vvv-basin'), rows('vvv-basin')];
    const facts = await factsFrom(count, 'count', inputs, { category: 'vvv-basin' });
    expect(facts).toEqual({ count: 2, of: 3 });
  });
});

describe('the mass of spectra', () => {
  const spectrum = (...probes: { nodes: number[]; weights: number[] }[]): { path: string } =>
    written(JSON.stringify({ probes }));

  it('is told apart into what is negative and what lies about zero, over all probes', async () => {
    const early = spectrum(
      { nodes: [-2, -0.001, 0, 10], weights: [0.2, 0.1, 0.6, 0.1] },
      { nodes: [-4, 0.5, 10], weights: [0.1, 0.8, 0.1] },
    );
    const late = spectrum({ nodes: [-0.5, 0, 20], weights: [0.05, 0.9, 0.05] });
    const facts = await factsFrom(mass, 'masses', [early, late]);
    expect(facts.falls).toBe(true);
    expect(facts['negative-first']).toBeCloseTo(0.15, 12);
    expect(facts['negative-last']).toBeCloseTo(0.05, 12);
    expect(facts.bulk).toBeCloseTo(0.75, 12);
    expect(facts.lean).toBeCloseTo(2.5, 12);
    expect((await factsFrom(mass, 'masses', [late, early])).falls).toBe(false);
  });
});

describe('the middle of a surface', () => {
  const surface = (f: (x: number, y: number) => number, columns = 5, rows = 7): { path: string } => {
    const along = (n: number): number[] =>
      Array.from({ length: n }, (_, i) => (2 * i) / Math.max(1, n - 1) - 1);
    const [xs, ys] = [along(columns), along(rows)];
    return written(
      encodeCurves({
        format: 'orograph-curves/1',
        axes: [xs, ys].map((values, i) => ({ label: `λ${i + 1}`, values, marks: [] })),
        series: [
          { name: '0', direction: 'gaussian', metrics: { loss: xs.flatMap((x) => ys.map((y) => f(x, y))) } },
        ],
        classes: 10,
        subject: {},
      } satisfies Curves),
    );
  };
  const facts = (of: { path: string }, scale = [1, 1]): Promise<Facts> =>
    factsFrom(middle, 'bends', [of], { scale });

  it('is a bowl, a hill or a saddle, with the second derivatives along the axes', async () => {
    const bowl = await facts(surface((x, y) => 3 + x ** 2 + 4 * y ** 2));
    expect(bowl).toMatchObject({ shape: 'bowl', weaker: 'x' });
    expect(bowl['along-x']).toBeCloseTo(2, 10);
    expect(bowl['along-y']).toBeCloseTo(8, 10);
    expect(await facts(surface((x, y) => 3 - 2 * x ** 2 - y ** 2))).toMatchObject({
      shape: 'hill',
      weaker: 'y',
    });
    expect(await facts(surface((x, y) => 3 + x ** 2 - 0.1 * y ** 2))).toMatchObject({
      shape: 'saddle',
      weaker: 'y',
    });
  });

  it('is none of them where it does not bend along an axis', async () => {
    expect((await facts(surface((x) => 3 + x ** 2))).shape).toBe('other');
    expect((await facts(surface((_, y) => 3 - y ** 2))).shape).toBe('other');
  });

  it('has the curvatures of the directions, whatever the scale', async () => {
    const scaled = await facts(
      surface((x, y) => (0.5 * x) ** 2 - 2 * (0.1 * y) ** 2),
      [0.5, 0.1],
    );
    expect(scaled).toMatchObject({ shape: 'saddle', weaker: 'x' });
    expect(scaled['along-x']).toBeCloseTo(2, 10);
    expect(scaled['along-y']).toBeCloseTo(-4, 10);
  });

  it('is refused where no point stands in it, and where losses about it are not finite', async () => {
    const bowl = (x: number, y: number): number => x ** 2 + y ** 2;
    await expect(facts(surface(bowl, 4, 5))).rejects.toThrow(/4x5 points.*odd/u);
    await expect(facts(surface(bowl, 5, 6))).rejects.toThrow(/5x6 points.*odd/u);
    await expect(facts(surface(bowl, 1, 5))).rejects.toThrow(/1x5 points/u);
    const over = (value: number) => (x: number, y: number) => (x > 0 && y === 0 ? value : bowl(x, y));
    await expect(facts(surface(over(Number.POSITIVE_INFINITY)))).rejects.toThrow(/not finite/u);
    await expect(facts(surface(over(Number.NaN)))).rejects.toThrow(/not finite/u);
    await expect(facts(curves((t) => t))).rejects.toThrow(/not surfaces/u);
  });
});

describe('a loss that falls all along', () => {
  it('falls strictly from point to point of every curve; other steps are counted', async () => {
    const of = (...functions: readonly ((t: number) => number)[]): Promise<Facts> =>
      factsFrom(monotonic, 'falling', [curves(...functions)]);
    expect(
      await of(
        (t) => -t,
        (t) => (t - 1) ** 2,
      ),
    ).toEqual({ falls: true, rises: 0 });
    // The parabola rises over the ten steps right of its bottom.
    expect(
      await of(
        (t) => -t,
        (t) => t * t,
      ),
    ).toEqual({ falls: false, rises: 10 });
    expect(await of(() => 1)).toEqual({ falls: false, rises: 20 });
  });

  it('does not fall to or from what is no number', async () => {
    expect(await factsFrom(monotonic, 'falling', [curves((t) => (t === 0 ? Number.NaN : -t))])).toEqual({
      falls: false,
      rises: 2,
    });
  });
});

describe('numbers of tables', () => {
  const of = (at: string, ...tables: readonly unknown[]): Promise<Facts> =>
    factsFrom(
      numbers,
      'numbers',
      tables.map((table) => written(JSON.stringify(table))),
      { at },
    );

  it('are taken from their places, single ones and lists, table after table', async () => {
    const tables = [{ groups: [{ degrees: [3, -5] }] }, { groups: [{ degrees: 2 }] }];
    expect(await of('groups.0.degrees', ...tables)).toEqual({
      smallest: -5,
      largest: 3,
      mean: 0,
      'sizes-fall': false,
    });
  });

  it('fall in size where each is smaller than the one before, whatever their signs', async () => {
    const fall = async (...list: readonly number[]): Promise<unknown> =>
      (await of('v', ...list.map((v) => ({ v }))))['sizes-fall'];
    expect(await fall(-3, 2, -1)).toBe(true);
    expect(await fall(-3, 3)).toBe(false);
    expect(await fall(1, -2)).toBe(false);
  });

  it('are missed by name where a table has none there', async () => {
    await expect(of('groups.1.degrees', { groups: [{ degrees: 1 }] })).rejects.toThrow('"groups.1.degrees"');
    await expect(of('v', { v: 'text' })).rejects.toThrow('"v"');
    await expect(of('v', { v: [] })).rejects.toThrow('"v"');
  });
});

describe('cosines with eigenvectors of either sign', () => {
  const of = (given: unknown): Promise<Facts> =>
    factsFrom(sides, 'sides', [written(JSON.stringify({ given }))]);

  it('are compared by their mean sizes, those with N.E. standing first', async () => {
    const facts = await of({ cosines: [[-0.3, 0.1, 0.1, -0.2]] });
    expect(facts.negative).toBeCloseTo(0.2, 12);
    expect(facts.positive).toBeCloseTo(0.15, 12);
    expect(facts.larger).toBe(true);
    expect((await of({ cosines: [[0.1, -0.3]] })).larger).toBe(false);
  });

  it('are refused where there are none, or not as many of each', async () => {
    await expect(of({ cosines: [[0.1, 0.2, 0.3]] })).rejects.toThrow('3 cosines');
    await expect(of(null)).rejects.toThrow('0 cosines');
  });
});

describe('barriers, and the smallest losses of surfaces', () => {
  it('are what lies above the larger of the two ends', async () => {
    const hump = (height: number) => (t: number) => 1 + height * (1 - t * t) + (t === 1 ? 0.25 : 0);
    const facts = await factsFrom(barriers, 'barriers', [curves(hump(2)), curves(hump(0.5))]);
    expect(facts).toEqual({ falls: true, first: 1.75, last: 0.25 });
    expect(await factsFrom(barriers, 'barriers', [curves((t) => t), curves(hump(1))])).toEqual({
      falls: false,
      first: 0,
      last: 0.75,
    });
    await expect(factsFrom(barriers, 'barriers', [curves((t) => 1 / t)])).rejects.toThrow('not finite');
  });

  it('are taken surface by surface, over what is finite', async () => {
    const of = (floor: number): { path: string } => curves((t) => (t < 0 ? Number.NaN : floor + t));
    expect(await factsFrom(lowest, 'lowest', [of(3), of(2), of(1)])).toEqual({
      falls: true,
      first: 3,
      last: 1,
    });
    expect((await factsFrom(lowest, 'lowest', [of(3), of(3)])).falls).toBe(false);
    await expect(factsFrom(lowest, 'lowest', [curves(() => Number.NaN)])).rejects.toThrow('no loss');
  });
});
