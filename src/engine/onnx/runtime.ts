/**
 * onnxruntime-node, as much of it as is used here. Its public interface is asynchronous for the sake of the web; the
 * binding below it is synchronous, which lets a tensor be read at any moment and keeps the order of computations.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface RuntimeTensor {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly dims: readonly number[];
}

export interface NativeSession {
  loadModel(buffer: ArrayBuffer, offset: number, length: number, options: object): void;
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches: Readonly<Record<string, RuntimeTensor | null>>,
    options: object,
  ): Record<string, RuntimeTensor>;
  endProfiling(): void;
  dispose(): void;
}

export interface Runtime {
  readonly Session: new () => NativeSession;
  readonly Tensor: new (type: string, data: RuntimeTensor['data'], dims: readonly number[]) => RuntimeTensor;
}

/** A dependency of the package, not of ours. */
const commonPackage = 'onnxruntime-common';

/** Loads the native library. @param folder the package's. @throws whatever Node says where it does not load. */
export function loadRuntime(folder: string): Runtime {
  const load = createRequire(join(folder, 'package.json'));
  const { binding, initOrt } = load(join(folder, 'dist', 'binding.js')) as {
    binding: { InferenceSession: Runtime['Session'] };
    initOrt: () => void;
  };
  initOrt();
  const { Tensor } = load(commonPackage) as { Tensor: Runtime['Tensor'] };
  return { Session: binding.InferenceSession, Tensor };
}
