import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as count from '../../pipelines/shared/count.ts';
import * as mass from '../../pipelines/shared/mass.ts';
import * as peak from '../../pipelines/shared/peak.ts';
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
  await run({ params, list: () => inputs, output: () => made });
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

  it('falls where each is a lower one, and not where one is as high or where the first is none', async () => {
    const falls = async (...heights: readonly number[]): Promise<unknown> =>
      (await factsFrom(peak, 'heights', [curves(...heights.map((h) => wPeak(h)))])).falls;
    expect(await falls(0.5, 0.2, 0.1)).toBe(true);
    expect(await falls(0.5, 0.2, -1)).toBe(true);
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
