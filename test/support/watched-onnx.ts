import { join } from 'node:path';
import { availableEngines } from '../../src/engine/engine.ts';
import { loadRuntime, type NativeSession } from '../../src/engine/onnx/runtime.ts';
import { Sessions } from '../../src/engine/onnx/sessions.ts';
import { startWith } from '../../src/engine/onnx/start.ts';
import { findPackage } from '../../src/engine/packages.ts';
import { setWasmPaths, tf } from '../../src/engine/tensorflow.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { drawn } from '../engine/kernels.ts';

const root = packageRoot();
export const onnxInstalled = availableEngines(root).find(({ name }) => name === 'onnx')!.available;
const settings = { provider: 'cpu', threads: 2, spinning: false } as const;

export type Computation = (...x: tf.Tensor[]) => tf.Tensor[];

/**
 * Starts the engine `onnx`, with `wasm` beside it.
 * @param seen is given each model that is compiled. @returns channels of a block.
 */
export async function startWatched(seen: (model: Buffer) => void): Promise<number> {
  const real = loadRuntime(findPackage('onnxruntime-node', root)!.folder);
  const Session = class implements NativeSession {
    readonly #own = new real.Session();
    loadModel(...given: Parameters<NativeSession['loadModel']>): void {
      seen(Buffer.from(given[0], given[1], given[2]));
      this.#own.loadModel(...given);
    }
    run(...given: Parameters<NativeSession['run']>): ReturnType<NativeSession['run']> {
      return this.#own.run(...given);
    }
    endProfiling(): void {
      this.#own.endProfiling();
    }
    dispose(): void {
      this.#own.dispose();
    }
  };
  const sessions = new Sessions(real, settings);
  sessions.findBlock();
  await startWith({ ...real, Session }, settings);
  setWasmPaths(`${join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist')}/`);
  return sessions.block;
}

/** What a function makes, on an engine, of tensors of given shapes that are always the same. */
export async function numbers(
  engine: string,
  inputs: readonly number[][],
  f: Computation,
): Promise<Float32Array[]> {
  await tf.setBackend(engine);
  tf.engine().startScope();
  try {
    const read = [];
    for (const tensor of f(...inputs.map((shape, i) => drawn(shape, `blocks ${i}`))))
      read.push(Float32Array.from(await tensor.data()));
    return read;
  } finally {
    tf.engine().endScope();
  }
}
