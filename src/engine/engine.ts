/**
 * Engines: what computes tensors, behind one door. This folder knows TensorFlow.js and its native relatives, how they
 * are found and started, and what of them decides bits. It knows no networks, no data and no stages.
 *
 * Importing this module is cheap: TensorFlow.js loads only when an engine is started.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { EngineSpec, OnnxSettings } from '../kind/stage-kind.ts';
import type { JsonObject } from '../util/json.ts';
import { packageRoot } from '../util/package-root.ts';
import { type Candidate, gpuTrial, onnxTrial, type Picked, pickEngine } from './auto.ts';
import { describeOnnx, findOnnx, onnxIdentity, onnxLibrary, startOnnxruntime } from './onnx-package.ts';
import { type FoundPackage, findPackage, platform } from './packages.ts';
import { startFailed } from './start-failed.ts';
import type { tf } from './tensorflow.ts';

export type EngineName = EngineSpec['name'];

/** A started engine. There is one a process: TensorFlow.js keeps its state in globals. */
export interface Engine {
  readonly name: EngineName;
  readonly identity: JsonObject;
  /** TensorFlow.js with all gradients registered. Read results with `await tensor.data()`, never synchronously. */
  readonly tf: typeof tf;
}

/** Whether an engine can be used here, for `doctor` and `engine: auto`. */
export interface EngineReport {
  readonly name: EngineName;
  readonly available: boolean;
  /** The package that provides it, with its version, or how to get it. */
  readonly detail: string;
}

/** In order of preference. The GPU build runs on the CPU too where there is no GPU. */
const nativePackages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
const installCommand = 'npm install @tensorflow/tfjs-node@4.22.0';

/** The native package: the workspace's own first, then one beside orograph. */
function findNative(root: string): FoundPackage | undefined {
  for (const from of [root, packageRoot()])
    for (const name of nativePackages) {
      const found = findPackage(name, from);
      if (found) return found;
    }
  return undefined;
}

function required(name: string): FoundPackage {
  const found = findPackage(name, packageRoot());
  if (!found)
    throw new UserError({
      severity: 'error',
      code: 'engine-incomplete',
      message: `the package ${name} is missing from this installation of orograph`,
      hint: 'install orograph again (npm install)',
    });
  return found;
}

function nativeMissing(): UserError {
  return new UserError({
    severity: 'error',
    code: 'engine-not-installed',
    message:
      'the engine "tensorflow" is asked for, but neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed',
    hint: `install one in your workspace: ${installCommand} (with an NVIDIA GPU: @tensorflow/tfjs-node-gpu@4.22.0), or use engine: wasm`,
  });
}

/**
 * What of an engine may change bits; part of every key of a stage that computes tensors. Does not load TensorFlow.js.
 * @param root workspace root: native engines are looked up from there.
 * @param onnx of the engine `onnx`.
 */
export function engineIdentity(name: EngineName, root: string, onnx: OnnxSettings = {}): JsonObject {
  const core = required('@tensorflow/tfjs-core').version;
  if (name === 'wasm') {
    // SIMD on and one thread, always: the same bits on every machine.
    return { name, core, wasm: required('@tensorflow/tfjs-backend-wasm').version, simd: true, threads: 1 };
  }
  if (name === 'onnx') return { name, core, ...onnxIdentity(root, onnx) };
  const native = findNative(root);
  if (!native) throw nativeMissing();
  // Native kernels differ between platforms and with oneDNN's switch.
  return {
    name,
    core,
    package: native.name,
    version: native.version,
    platform: platform(),
    onednn: process.env.TF_ENABLE_ONEDNN_OPTS ?? null,
  };
}

/** A native package's compiled part, where it is there: its install script downloads it, and may have been kept from it. */
function bindingOf({ folder }: FoundPackage): string | undefined {
  const lib = join(folder, 'lib');
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((napi) => join(lib, napi, 'tfjs_binding.node'))
    .find((built) => existsSync(built));
}

function describeNative(native: FoundPackage | undefined): string {
  if (!native) return `not installed: ${installCommand}`;
  const name = `${native.name} ${native.version}`;
  return bindingOf(native)
    ? name
    : `${name} is installed without its native library: npm rebuild ${native.name}`;
}

/**
 * Every engine and whether it can be expected to start. Does not load them: a native library that is there may still
 * fail to.
 */
export function availableEngines(root: string): EngineReport[] {
  const wasm = findPackage('@tensorflow/tfjs-backend-wasm', packageRoot());
  const onnx = findOnnx(root);
  const native = findNative(root);
  return [
    {
      name: 'wasm',
      available: wasm !== undefined,
      detail: wasm ? `${wasm.name} ${wasm.version}` : 'missing: install orograph again',
    },
    {
      name: 'onnx',
      available: onnx !== undefined && onnxLibrary(onnx) !== undefined,
      detail: describeOnnx(onnx),
    },
    {
      name: 'tensorflow',
      available: native !== undefined && bindingOf(native) !== undefined,
      detail: describeNative(native),
    },
  ];
}

/**
 * What `engine: auto` is here. tfjs-node for the processor is never picked: TensorFlow 2.9's kernels are slower than those
 * of `onnx`.
 * @param records where answers are remembered, as in `pickEngine`.
 */
export function autoEngine(root: string, records: string | undefined, again = false): Picked {
  const candidates: Candidate[] = [];
  const native = findNative(root);
  const tensorflow = native?.name === nativePackages[0] ? bindingOf(native) : undefined;
  if (native && tensorflow)
    candidates.push({ name: 'tensorflow', found: native, binding: tensorflow, trial: gpuTrial });
  const onnx = findOnnx(root);
  const library = onnx && onnxLibrary(onnx);
  if (onnx && library) candidates.push({ name: 'onnx', found: onnx, binding: library, trial: onnxTrial });
  return pickEngine(candidates, records, again);
}

async function startWasm(): Promise<typeof tf> {
  const door = await import('./tensorflow.ts');
  const engineTf = door.tf;
  const before = processListeners();
  door.setWasmPaths(`${join(required('@tensorflow/tfjs-backend-wasm').folder, 'dist')}/`);
  engineTf.env().set('WASM_HAS_SIMD_SUPPORT', true);
  engineTf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  try {
    if (!(await engineTf.setBackend('wasm'))) throw new Error('the WebAssembly module did not start');
  } catch (cause) {
    throw startFailed('wasm', cause, 'its binary must be readable, and the processor must have 128-bit SIMD');
  }
  // Emscripten adds listeners that rethrow every uncaught error; how this process fails is not its business.
  for (const [event, listeners] of Object.entries(before))
    for (const listener of process.rawListeners(event))
      if (!listeners.includes(listener)) process.removeListener(event, listener as () => void);
  return engineTf;
}

function processListeners(): Record<string, readonly unknown[]> {
  return Object.fromEntries(
    ['uncaughtException', 'unhandledRejection'].map((event) => [event, process.rawListeners(event)]),
  );
}

async function startNative(root: string): Promise<typeof tf> {
  const native = findNative(root);
  if (!native) throw nativeMissing();
  // Ours first: gradients and tensors are then those of one instance; the native package adds its kernels to it.
  const engineTf = (await import('./tensorflow.ts')).tf;
  try {
    createRequire(join(native.folder, 'package.json'))(native.folder);
    if (!(await engineTf.setBackend('tensorflow'))) throw new Error('the backend did not start');
  } catch (cause) {
    throw startFailed(
      'tensorflow',
      cause,
      `${native.name} ${native.version} is installed but its native library does not load: try "npm rebuild ${native.name}", or use engine: wasm`,
    );
  }
  return engineTf;
}

let started: Promise<Engine> | undefined;
let startedAs: string | undefined;

/**
 * Starts an engine, once a process; a second call gives the same one.
 * @param spec as the stage's context has it.
 * @param root workspace root: native engines are looked up from there.
 * @throws UserError where the engine is not installed or its native part does not load.
 */
export async function startEngine(spec: EngineSpec, root: string): Promise<Engine> {
  const { name, identity, onnx, cores } = spec;
  const asked = JSON.stringify([name, onnx ?? {}]);
  if (started && startedAs !== asked)
    throw new Error(`this process runs the engine ${startedAs}; ${asked} needs another process`);
  startedAs = asked;
  const start = {
    wasm: startWasm,
    onnx: () => startOnnxruntime(root, onnx, cores),
    tensorflow: () => startNative(root),
  }[name];
  started ??= start().then(async (engineTf) => {
    await engineTf.ready();
    return { name, identity, tf: engineTf };
  });
  try {
    return await started;
  } catch (error) {
    started = startedAs = undefined;
    throw error;
  }
}
