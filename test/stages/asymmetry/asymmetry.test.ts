import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { type Curves, decodeCurves, encodeCurves } from '../../../src/landscape/curves.ts';
import { digestOf } from '../../../src/util/digest.ts';
import asymmetry, { facts } from '../../../stages/asymmetry/stage.ts';
import type { AsymmetryTable } from '../../../stages/asymmetry/table.ts';
import { linspace } from '../../../stages/evaluate/grid.ts';
import { scratchFolder } from '../../support/scratch-folder.ts';
import { runKind } from '../../support/stage-harness.ts';

let files = 0;
function artifactOf(lambdas: readonly number[], functions: readonly ((x: number) => number)[]): Artifact {
  const path = join(scratchFolder('asymmetry'), `curves-${files++}.json`);
  const curves: Curves = {
    format: 'orograph-curves/1',
    axes: [{ label: 'λ', values: lambdas, marks: [] }],
    series: functions.map((f, i) => ({
      name: String(i),
      direction: 'gaussian',
      metrics: { loss: lambdas.map(f) },
    })),
    classes: 10,
    subject: { network: 'MLP 3072-128-10' },
  };
  const text = encodeCurves(curves);
  writeFileSync(path, text);
  const digest = digestOf(text);
  return {
    label: 'curves',
    type: 'curves',
    folder: false,
    path,
    digest,
    members: [{ name: '', path, digest }],
  };
}

const grid = linspace(-1, 1, 81);
/** Slope p to the right of the bottom, c·p to its left. */
const kink =
  (p: number, c: number, bottom = 0) =>
  (x: number): number =>
    0.3 + (x >= bottom ? p * (x - bottom) : -c * p * (x - bottom));

async function measured(params: object, curves: Artifact, other?: Artifact) {
  const outputs = await runKind(asymmetry, { ...params }, { inputs: { curves, ...(other && { other }) } });
  const read = (name: string): string => readFileSync(outputs[name]!.path!, 'utf8');
  return {
    table: JSON.parse(read('asymmetry')) as AsymmetryTable,
    profiles: decodeCurves(read('profiles')),
    shifted: decodeCurves(read('shifted')),
    facts: await facts(outputs),
  };
}

describe('the two sides of a valley', () => {
  test('of straight walls have the slopes of the definition, and a shift gains what the theorem says', async () => {
    const [p, c, size] = [0.5, 6, 0.4];
    const { table, shifted } = await measured(
      { shift: size },
      artifactOf(grid, [kink(p, c), (x) => kink(p, c)(-x)]),
    );
    for (const [i, flat] of (['positive', 'negative'] as const).entries()) {
      const row = table.series[i]!;
      expect([row.flat, row.asymmetric, row.bottom, row.to]).toEqual([flat, true, 0, 1]);
      expect(row.p).toBeCloseTo(p, 10);
      expect(row.c).toBeCloseTo(c, 9);
      expect(row.ratio).toBeCloseTo(c, 9);
      // Theorem 1 for a single direction without a gap: E L(ŵ) - E L(ŵ + l₀u) = (c - 1)·l₀·p/2, up to l₀ = δ.
      expect(row.shift.bias).toBeCloseTo(size, 9);
      expect(row.shift['loss-at-bottom'] - row.shift['loss-at-bias']).toBeCloseTo(
        ((c - 1) * size * p) / 2,
        10,
      );
      const { values } = shifted.axes[0]!;
      const expected = shifted.series[i]!.metrics.loss!;
      const zero = expected[values.indexOf(0)]!;
      for (const [k, bias] of values.entries()) {
        const towardsFlat = flat === 'positive' ? bias : -bias;
        if (towardsFlat >= 0 && towardsFlat <= size)
          expect(zero - expected[k]!).toBeCloseTo(((c - 1) * towardsFlat * p) / 2, 10);
      }
    }
  });

  test('of a symmetric valley are alike: no ratio, no bias, profiles that coincide', async () => {
    const { table, profiles } = await measured({}, artifactOf(grid, [(x) => 1 + x * x]));
    const [row] = table.series;
    expect(row!.ratio).toBeCloseTo(1, 10);
    expect([row!.asymmetric, Math.abs(row!.shift.bias)]).toEqual([false, 0]);
    const [positive, negative] = profiles.series;
    expect(profiles.axes[0]!.values[0]).toBe(0);
    positive!.metrics.loss!.forEach((loss, i) => {
      expect(loss).toBeCloseTo(negative!.metrics.loss![i]!, 12);
    });
  });

  test('are measured from the bottom, wherever it lies, and turn with the direction', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -20, max: 20 }),
        fc.double({ min: 1.5, max: 9, noNaN: true }),
        async (step, c) => {
          const bottom = step / 40;
          const { table } = await measured(
            { to: 0.4 },
            artifactOf(grid, [kink(1, c, bottom), (x) => kink(1, c, -bottom)(-x)]),
          );
          const [one, turned] = table.series;
          expect(one!.bottom).toBeCloseTo(bottom, 9);
          expect(turned!.bottom).toBeCloseTo(bottom, 9);
          expect(one!.c).toBeCloseTo(c, 6);
          expect(turned!.c).toBeCloseTo(c, 6);
          expect([one!.flat, turned!.flat]).toEqual(['positive', 'negative']);
        },
      ),
      { numRuns: 8, seed: 1 },
    );
  });

  test('count from ζ on, where a smooth bottom hides that one side is steeper', async () => {
    // Slopes 2x and 8x: at the bottom both vanish, so no c > 1 fits from 0 on; beyond ζ = 0.5 one does.
    const smooth = artifactOf(grid, [(x) => (x > 0 ? x * x : 4 * x * x)]);
    const whole = (await measured({}, smooth)).table.series[0]!;
    const beyond = (await measured({ from: 0.5 }, smooth)).table.series[0]!;
    expect([whole.asymmetric, beyond.asymmetric]).toEqual([false, true]);
    expect(whole.ratio).toBeCloseTo(4, 9);
    // Secants over steps of h = 0.025: between 8·(0.5 + h/2) and 2·(1 - h/2).
    expect(beyond.c).toBeCloseTo((8 * 0.5125) / (2 * 0.9875), 9);
  });

  test('where the flat side falls, any p serves and there is no ratio', async () => {
    const { table, facts: told } = await measured(
      { bottom: 'model' },
      artifactOf(grid, [(x) => (x > 0 ? -0.1 * x : -x)]),
    );
    expect([table.series[0]!.ratio, table.series[0]!.c, table.series[0]!.asymmetric]).toEqual([
      null,
      null,
      true,
    ]);
    expect('ratio' in told).toBe(false);
  });
});

describe('the shift of another curve', () => {
  test('of the same shape is found with its gap, constants apart', async () => {
    const test = artifactOf(grid, [(x) => 0.7 + kink(0.5, 6)(x - 0.1)]);
    const { table, facts: told } = await measured({}, artifactOf(grid, [kink(0.5, 6)]), test);
    const gap = table.series[0]!.gap!;
    expect(gap.shift).toBeCloseTo(0.1, 9);
    expect(gap.bottom).toBeCloseTo(0.1, 9);
    expect(gap.gap).toBeLessThan(1e-9);
    // Unshifted the curves differ by 0.1·6·p on one side and by 0.1·p on the other: half of (0.3 + 0.05).
    expect(gap.unshifted).toBeCloseTo(0.175, 9);
    expect(told.shift).toBeCloseTo(0.1, 9);
  });

  test('of other curves or other ranges is refused', async () => {
    const one = artifactOf(grid, [kink(1, 2), kink(1, 3)]);
    await expect(measured({}, one, artifactOf(grid, [kink(1, 2)]))).rejects.toThrow('has no curve "1"');
    await expect(measured({}, one, artifactOf(linspace(1, 2, 5), [kink(1, 2), kink(1, 3)]))).rejects.toThrow(
      'no finite losses around',
    );
  });
});

test('curves without a second side, or too short, are refused', async () => {
  await expect(measured({}, artifactOf(grid, [(x) => x]))).rejects.toThrow('on both sides of λ = -1');
  await expect(measured({ to: 2 }, artifactOf(grid, [kink(1, 2)]))).rejects.toThrow('every curve go up to 1');
  await expect(measured({ shift: 1 }, artifactOf(grid, [kink(1, 2)]))).rejects.toThrow('leaves nothing');
  await expect(measured({ from: 0.5, to: 0.5 }, artifactOf(grid, [kink(1, 2)]))).rejects.toThrow('/to');
  await expect(measured({}, artifactOf(grid, [() => Number.NaN]))).rejects.toThrow('both sides of a minimum');
  const walls = (x: number): number => (x > 0.5 ? Number.POSITIVE_INFINITY : kink(1, 2)(x));
  const { table } = await measured({}, artifactOf(grid, [walls]));
  expect(table.series[0]!.to).toBeCloseTo(0.5, 9);
});
