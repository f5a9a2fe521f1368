import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { bundled } from '../support/bundled.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'onnx')!.available;
describe.skipIf(!installed)(
  'products with the Hessian of a ResNet-14 on the engine onnx, 64 MB allowed',
  () => {
    let program: string;
    beforeAll(async () => {
      program = await bundled('hessian-memory');
    });

    function run(examples: number): { batch: number; before: number; most: number } {
      const given = ['onnx', '14', String(examples), '64'];
      const child = spawnSync(process.execPath, [program, ...given], { encoding: 'utf8' });
      expect(child.stderr).toBe('');
      return JSON.parse(child.stdout);
    }

    // Resident memory of a process of its own. Besides the 64 MB it holds two programs of some thousand operations and
    // what JavaScript has not collected: 85 to 90 MB. Before micro-batches shared their programs, 128 examples took 190 MB
    // and 512 took 275: every 30,000 recorded operations left another program with buffers of its own.
    test('take no more memory for six times the examples, and hardly more than that', () => {
      const [few, many] = [run(32), run(192)];
      expect(few.batch).toBe(many.batch);
      expect(32 / few.batch).toBeGreaterThan(6);
      expect(many.most - many.before).toBeLessThan(64 + 128);
      expect(many.most - few.most).toBeLessThan(64);
    });
  },
);
