/**
 * The one door through which TensorFlow.js comes in: the only module that imports `@tensorflow/*`, so that all code,
 * users' stages included, shares one instance of it. It is heavy: reach it only from code that computes tensors
 * (a stage's `run.ts`), never from a `stage.ts`.
 *
 * In Node, tfjs-core registers neither gradients nor methods on tensors; both are registered here.
 */
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import './gradients.ts';
import './gradients-of-maps.ts';

export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
export * as tf from '@tensorflow/tfjs-core';
