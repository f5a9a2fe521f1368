import { test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { secondOrderContract } from './second-order.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'tensorflow')!.available;

if (installed) secondOrderContract('tensorflow');
else
  test.skip('second derivatives on the engine tensorflow: skipped, neither @tensorflow/tfjs-node-gpu nor tfjs-node is installed', () => {});
