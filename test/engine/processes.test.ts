import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { bundled } from '../support/bundled.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'onnx')!.available;
describe.skipIf(!installed)('the engine onnx in fresh processes', () => {
  let program: string;
  beforeAll(async () => {
    program = await bundled('training');
  });

  function run(threads: number): Record<string, string> {
    const child = spawnSync(process.execPath, [program, String(threads)], { encoding: 'utf8' });
    expect(child.stderr).toBe('');
    return JSON.parse(child.stdout) as Record<string, string>;
  }

  test.each([...new Set([1, Math.min(2, availableParallelism())])])(
    'gives the same bits with %i threads: training steps, gradients, a product with the Hessian',
    (threads) => {
      const first = run(threads);
      expect(Object.keys(first)).toEqual(['convolutional', 'perceptron', 'gradient', 'product']);
      expect(new Set(Object.values(first)).size).toBe(4);
      expect(run(threads)).toEqual(first);
    },
  );
});
