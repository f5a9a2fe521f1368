import { test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { engineContract } from './contract.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'onnx')!.available;

if (installed) engineContract('onnx');
else test.skip('engine onnx: skipped, onnxruntime-node is not installed', () => {});
