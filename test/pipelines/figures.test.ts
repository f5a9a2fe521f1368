import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatDiagnostics } from '../../src/diagnostics/format.ts';
import { Kinds } from '../../src/fingerprint/registry.ts';
import { type Planned, planPipeline } from '../../src/plan/plan-pipeline.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const yamlIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `${folder}/${name}`);
const figures = yamlIn('pipelines').filter((name) => /\/(fig|extra)/u.test(name));
const fetched = yamlIn('pipelines/fetched');

const cache = mkdtempSync(join(tmpdir(), 'orograph-figures-'));
let registry: Kinds;
beforeAll(async () => {
  registry = await Kinds.open(cache);
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const plan = (file: string, profile?: string): Promise<Planned> =>
  planPipeline({ file, root, cwd: root, registry, profile, env: {} });

test('there is a pipeline for each figure of the paper', () => {
  const numbers = figures.flatMap((name) => /fig(\d\d)-/u.exec(name)?.[1] ?? []);
  expect(numbers.map(Number)).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
});

describe.each(figures)('%s', (file) => {
  test.each(['smoke', undefined, 'paper'])('is a good pipeline in the profile %s', async (profile) => {
    const planned = await plan(file, profile);
    expect(formatDiagnostics(planned.diagnostics, planned)).toBe('');
    expect(planned.plan!.instances.some(({ kind }) => kind === 'render')).toBe(true);
  });
});

const onPaperData = figures.filter((file) =>
  readFileSync(join(root, file), 'utf8').includes('\n  paper-data:\n'),
);

describe.each(onPaperData)('%s in the profile paper-data', (file) => {
  test('computes what the demo does, on the data sets of the paper', async () => {
    const [demo, other] = [await plan(file), await plan(file, 'paper-data')];
    expect(formatDiagnostics(other.diagnostics, other)).toBe('');
    const sets = (planned: Planned): unknown[] =>
      planned.plan!.instances.map(({ params }) => (params as { dataset?: unknown }).dataset);
    const withoutData = (planned: Planned): string[] =>
      planned.plan!.instances.map(({ id, kind, params }) =>
        JSON.stringify([id, kind, kind === 'render' ? {} : { ...params, dataset: 0 }]),
      );
    expect(withoutData(other)).toEqual(withoutData(demo));
    const named = JSON.stringify(sets(other));
    expect(named).toMatch(/cifar100|cub200/u);
    const caption = JSON.stringify(other.plan!.instances.find(({ kind }) => kind === 'render')!.params);
    expect(caption.includes('CIFAR-100'), 'the caption names CIFAR-100').toBe(named.includes('cifar100'));
    expect(caption.includes('CUB'), 'the caption names CUB').toBe(named.includes('cub200'));
  });
});

describe.each(fetched)('%s', (file) => {
  test.each(['smoke', undefined, 'paper'])('is a good pipeline in the profile %s', async (profile) => {
    const planned = await plan(file, profile);
    const missing = planned.diagnostics.filter(({ code }) => code === 'file-not-found');
    expect(missing.map(({ message }) => message).join('\n')).toMatch(/weights\//u);
    expect(
      formatDiagnostics(
        planned.diagnostics.filter(({ code }) => code !== 'file-not-found'),
        planned,
      ),
      'nothing but what is to be fetched is missing',
    ).toBe('');
  });
});

test('figures read the same checkpoints by the same words', async () => {
  const trainings = new Map<string, Set<string>>();
  for (const file of figures) {
    const { plan: made } = await plan(file);
    for (const { kind, id, params } of made!.instances) {
      // From a file in shared/, straight or by way of its eigenpairs.
      const shared = /^(\w+)\.(?:net\.)?model(\[.*)$/u.exec(id);
      if (kind !== 'train' || !shared) continue;
      const network = `${shared[1]}${shared[2]}`;
      trainings.set(network, (trainings.get(network) ?? new Set()).add(JSON.stringify(params)));
    }
  }
  expect([...trainings.keys()]).toContain('mlp[seed=1]');
  for (const [network, spellings] of trainings) expect([...spellings], network).toHaveLength(1);
});
