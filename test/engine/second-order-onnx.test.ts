import { test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { secondOrderContract } from './second-order.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'onnx')!.available;

if (installed) secondOrderContract('onnx');
else test.skip('second derivatives on the engine onnx: skipped, onnxruntime-node is not installed', () => {});
