import { join } from 'node:path';
import { expect, test } from 'vitest';
import { availableEngines, engineIdentity } from '../../src/engine/engine.ts';
import { identifyCode } from '../../src/kind/code.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import classify from '../../stages/classify/stage.ts';
import directions from '../../stages/directions/stage.ts';
import evaluate from '../../stages/evaluate/stage.ts';
import train from '../../stages/train/stage.ts';

const root = packageRoot();

test('planning with the numerical kinds loads no TensorFlow.js', () => {
  const params = { network: 'mlp', dataset: 'cifar10-mini', epochs: 3, keep: [0, 3, 0], seed: 1 } as never;
  const outputs = train.outputs as unknown as (given: never) => Record<string, { members?: string[] }>;
  expect(outputs(params).checkpoints!.members).toEqual(['0', '3']);
  expect(train.files!(params, root).map(({ name }) => name)).toContain('data/cifar10-mini/train.bin');
  expect([classify, directions, evaluate].map(({ engine }) => engine === true)).toEqual([false, true, true]);
  expect(engineIdentity('wasm', root)).toEqual({
    name: 'wasm',
    core: '4.22.0',
    wasm: '4.22.0',
    simd: true,
    threads: 1,
  });
  expect(availableEngines(root).find(({ name }) => name === 'wasm')).toEqual({
    name: 'wasm',
    available: true,
    detail: '@tensorflow/tfjs-backend-wasm 4.22.0',
  });
  expect('_tfengine' in globalThis).toBe(false);
});

test('what names the categories is in the key of classify, not in that of the points', async () => {
  const filesOf = async (kind: string, name: string): Promise<string[]> => {
    const code = await identifyCode(join(root, 'stages', kind, 'stage.ts'), name, { root });
    return Object.keys(code.identity.files);
  };
  expect(await filesOf('evaluate', 'default')).toContain('stages/evaluate/grid.ts');
  expect(
    (await filesOf('evaluate', 'default')).filter((file) => file.startsWith('stages/classify/')),
  ).toEqual([]);
  expect(await filesOf('evaluate', 'facts')).toContain('stages/classify/category.ts');
  expect(await filesOf('classify', 'default')).toContain('stages/classify/category.ts');
  expect((await filesOf('evaluate', 'default')).filter((file) => file.startsWith('stages/train/'))).toEqual(
    [],
  );
});

test('products with a Hessian have one code for every kind that shares them: that which computes them', async () => {
  const identities = await Promise.all(
    ['eigenpairs', 'spectrum'].map(
      async (kind) =>
        (await identifyCode(join(root, 'stages', kind, 'items.ts'), 'items', { root })).identity,
    ),
  );
  const [one, other] = identities as [(typeof identities)[0], (typeof identities)[0]];
  expect(one.digest).toBe(other.digest);
  const files = Object.keys(one.files);
  for (const file of ['src/network/hessian.ts', 'src/network/second-order.ts', 'src/dataset/dataset.ts'])
    expect(files).toContain(file);
  for (const file of ['stages/eigenpairs/run.ts', 'stages/spectrum/run.ts', 'src/spectral/eigenpairs.ts'])
    expect(files).not.toContain(file);
});
