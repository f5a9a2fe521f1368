import { expect, test } from 'vitest';
import { engineIdentity } from '../../../src/engine/engine.ts';
import { packageRoot } from '../../../src/util/package-root.ts';
import train from '../../../stages/train/stage.ts';
import { runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

test('training on the engine wasm gives the same bytes on every machine', async () => {
  const { checkpoints } = await runKind(
    train,
    {
      network: { name: 'mlp', widths: [8] },
      dataset: 'tiny',
      seed: 3,
      batch: 16,
      'learning-rate': 0.01,
      epochs: 2,
      keep: [0, 2, 2],
    },
    { root: tinyWorkspace(), engine: { name: 'wasm', identity: engineIdentity('wasm', packageRoot()) } },
  );
  expect(checkpoints!.members.map(({ name, digest }) => [name, digest])).toEqual([
    ['0', '6b44152cdbc537cebc85879a794304090b535fac9f2f8b4b9de6375ef4defb3a'],
    ['2', '004879273d1b1e849a157aaf4ee68ce87bb95b14fa6183d4cf7d8831084b83c5'],
  ]);
});
