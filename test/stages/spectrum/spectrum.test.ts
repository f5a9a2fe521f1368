import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import eigen from '../../../stages/eigenpairs/stage.ts';
import type { EigenTable } from '../../../stages/eigenpairs/table.ts';
import spectrum, { facts } from '../../../stages/spectrum/stage.ts';
import type { SpectrumTable } from '../../../stages/spectrum/table.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 1, seed: 1 };
  model = member((await runKind(train, settings, { root })).checkpoints!, '1');
});
const some = { iterations: 15, probes: 2, points: 200, 'trace-probes': 6, 'trace-tolerance': 0 };
const read = <T>(artifact: Artifact): T => JSON.parse(readFileSync(artifact.path!, 'utf8')) as T;

describe('the spectrum of a network', () => {
  test('reaches the extreme eigenvalues, and counts its products', async () => {
    const before = tf.memory().numTensors;
    const memo = new MemoryMemo();
    const outputs = await runKind(spectrum, some, { root, inputs: { model }, memo });
    expect(tf.memory().numTensors).toBe(before);
    const table = read<SpectrumTable>(outputs.spectrum!);
    const { values } = await runKind(
      eigen,
      { largest: 1, smallest: 1, basis: 20 },
      { root, inputs: { model } },
    );
    const { largest, smallest, subject } = read<EigenTable>(values!);
    expect(subject).toEqual(table.subject);
    expect(subject).toMatchObject({ network: '3072-8-3', dataset: 'tiny', examples: 60 });
    const nodes = table.probes.flatMap((probe) => probe.nodes);
    expect(Math.max(...nodes) / largest[0]!.value).toBeCloseTo(1, 4);
    expect(Math.min(...nodes) / smallest[0]!.value).toBeCloseTo(1, 1);
    expect([table.grid.length, table.density.length, table.probes.length]).toEqual([200, 200, 2]);
    const steps = table.probes.reduce((sum, probe) => sum + probe.nodes.length, 0);
    expect(table.products).toBe(steps + 6);
    // The density's are in coordinates of the 60 images, the trace's are not.
    expect(memo.items.size).toBe(steps + 6);
    expect(table.trace!.probes).toBe(6);
    expect(table.trace!.standardError).toBeGreaterThan(0);
    // ‖H‖_F is at least the largest eigenvalue, up to the estimate's error.
    expect(table.frobenius!.value + 4 * table.frobenius!.standardError!).toBeGreaterThan(largest[0]!.value);
    expect(await facts(outputs)).toMatchObject({
      trace: table.trace!.value,
      'frobenius-norm': table.frobenius!.value,
      products: table.products,
    });
  });

  test('and its eigenpairs share the products of the start vector that they have in common', async () => {
    const pairs = { largest: 1, smallest: 1, basis: 20 };
    const counted = async (kinds: readonly ('pairs' | 'spectrum')[], seeds = [1, 1]): Promise<number> => {
      const memo = new MemoryMemo();
      for (const [k, kind] of kinds.entries()) {
        const given = { root, inputs: { model }, memo };
        if (kind === 'pairs') await runKind(eigen, { ...pairs, seed: seeds[k] }, given);
        else await runKind(spectrum, { ...some, seed: seeds[k] }, given);
      }
      return memo.items.size;
    };
    const [alone, other] = [await counted(['pairs']), await counted(['spectrum'])];
    expect([alone, other].every((products) => products > some.iterations)).toBe(true);
    // The 15 steps of the density's first probe are the first 15 of the eigenpairs' 20 up to their restart.
    expect(await counted(['pairs', 'spectrum'])).toBe(alone + other - some.iterations);
    expect(await counted(['spectrum', 'pairs'])).toBe(alone + other - some.iterations);
    expect(await counted(['spectrum', 'pairs'], [1, 2])).toBe(alone + other);
  });

  test('is the same for the same seed, another for another, and goes on after an interruption', async () => {
    const bits = async (params: object, memo = new MemoryMemo()): Promise<string> =>
      (await runKind(spectrum, { ...some, ...params }, { root, inputs: { model }, memo })).spectrum!.digest;
    const memo = new MemoryMemo();
    const stop = new AbortController();
    let reports = 0;
    const stopped = runKind(spectrum, some, {
      root,
      inputs: { model },
      memo,
      signal: stop.signal,
      progress: () => {
        if (++reports === 10) stop.abort();
      },
    });
    await expect(stopped).rejects.toThrow();
    expect(memo.items.size).toBe(10);
    const whole = await bits({});
    expect(await bits({}, memo)).toBe(whole);
    expect(await bits({ seed: 2 })).not.toBe(whole);
  });

  test('without a trace has none', async () => {
    const { spectrum: made } = await runKind(
      spectrum,
      { ...some, 'trace-probes': 0 },
      { root, inputs: { model } },
    );
    const { trace, frobenius } = read<SpectrumTable>(made!);
    expect([trace, frobenius]).toEqual([null, null]);
  });
});
