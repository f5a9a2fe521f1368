import { totalmem } from 'node:os';
import { nchwc } from './lowering.ts';
import { encodeModel, type Model, type ModelTensor } from './model.ts';
import type { NativeSession, Runtime, RuntimeTensor } from './runtime.ts';
import { emptyNumbers, type Numbers, sizeOf, type ValueType } from './value.ts';

export interface SessionSettings {
  readonly provider: 'cpu' | 'webgpu' | 'cuda';
  readonly threads: number;
  /** Whether threads wait for work by turning in circles: faster where they have the cores for themselves. */
  readonly spinning: boolean;
}

/** An input or an output: its shape is that of its numbers as they lie in memory. */
export interface IoTensor extends ModelTensor {
  readonly dtype: ValueType;
  /** In which order its axes lie there, as in `Value.axes`. */
  readonly axes: readonly number[] | undefined;
}

export interface Program extends Model {
  readonly inputs: readonly IoTensor[];
  readonly outputs: readonly IoTensor[];
  /** What its tensors take while it runs, as `workingBytes` counts it; its constants are counted apart. */
  readonly working?: number;
}

/** A model ready to run. */
export interface Prepared {
  readonly session: NativeSession;
  readonly inputs: readonly IoTensor[];
  readonly outputs: readonly IoTensor[];
  /** What it holds until it goes: the buffers of a run, and constants. */
  readonly bytes: number;
}

/** So many structures stay compiled; the one that was used longest ago goes first. */
const keptAtMost = 96;
/** Each has threads of its own: so many there may be in all. */
const threadsAtMost = 1024;
/** They hold no more memory than this: a quarter of the machine's, since several stages may run at once. */
const bytesAtMost = Math.max(2 ** 30, totalmem() / 4);
/** Of these, the last used, memory is not asked: what a loop calls in turn must not be compiled again each time. */
const keptAtLeast = 4;

/** Compiled models by structure, and what runs them. */
export class Sessions {
  readonly #runtime: Runtime;
  readonly #settings: SessionSettings;
  readonly #bytesAtMost: number;
  /** In order of last use. */
  readonly #kept = new Map<string, Prepared>();
  /** Channels of maps that kernels for blocks take together; 0 without such kernels. */
  block = 0;
  /** Models compiled so far. */
  compiled = 0;
  #bytes = 0;

  constructor(runtime: Runtime, settings: SessionSettings, mostBytes = bytesAtMost) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#bytesAtMost = mostBytes;
  }

  /**
   * Finds out the size of blocks: 8 with AVX2, 16 with AVX-512. onnxruntime does not say; it is told from where numbers
   * come to lie.
   */
  findBlock(): void {
    const io = (name: string): IoTensor => ({
      name,
      dtype: 'float32',
      shape: [1, 32, 1, 2],
      axes: undefined,
    });
    let prepared: Prepared;
    try {
      prepared = this.compile({
        nodes: [{ op: 'ReorderInput', domain: nchwc, inputs: ['x'], outputs: ['y'], attributes: {} }],
        inputs: [io('x')],
        outputs: [io('y')],
        constants: [],
      });
    } catch {
      // No such kernels for this processor.
      return;
    }
    const [lie] = this.run(prepared, [Float32Array.from({ length: 64 }, (_, i) => i)]);
    prepared.session.dispose();
    // Channel 0's second pixel follows a block of first pixels.
    const block = lie!.indexOf(1);
    if (block === 8 || block === 16) this.block = block;
  }

  /** How many are compiled and kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** What they hold, in bytes: as far as shapes tell. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The model of a structure, compiled where it is not kept. */
  of(key: string, make: () => Program): Prepared {
    let prepared = this.#kept.get(key);
    if (prepared) this.#kept.delete(key);
    else {
      prepared = this.compile(make());
      this.#bytes += prepared.bytes;
    }
    this.#kept.set(key, prepared);
    const most = Math.min(keptAtMost, threadsAtMost / this.#settings.threads);
    const least = Math.min(most, keptAtLeast);
    while (this.#kept.size > most || (this.#bytes > this.#bytesAtMost && this.#kept.size > least))
      this.release(this.#kept.keys().next().value!);
    return prepared;
  }

  /** Lets go of a structure's model, where it is kept. */
  release(key: string): void {
    const prepared = this.#kept.get(key);
    if (!prepared) return;
    this.#kept.delete(key);
    this.#bytes -= prepared.bytes;
    prepared.session.dispose();
  }

  /** A model that the caller disposes of. */
  compile(model: Program): Prepared {
    const { provider, threads, spinning } = this.#settings;
    const bytes = encodeModel(model);
    const session = new this.#runtime.Session();
    this.compiled++;
    const profile = process.env.OROGRAPH_ONNX_PROFILE;
    session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // A plan of all buffers as one block gains no time and stands beside the blocks of the first run: twice the memory.
      enableMemPattern: false,
      enableProfiling: profile !== undefined,
      profileFilePrefix: profile,
      logSeverityLevel: 3,
      // Threads that wait go to sleep when a run ends: else they take the cores from what comes between two runs.
      extra: {
        session: { force_spinning_stop: '1', intra_op: { allow_spinning: spinning ? '1' : '0' } },
      },
    });
    const constants = model.constants.reduce((sum, { bytes: { byteLength } }) => sum + byteLength, 0);
    return {
      session,
      inputs: model.inputs,
      outputs: model.outputs,
      bytes: (model.working ?? 0) + constants,
    };
  }

  /** Adds two numbers: whether a provider's libraries load and a device answers shows only now. */
  probe(): void {
    const io = (name: string): IoTensor => ({ name, dtype: 'float32', shape: [1], axes: undefined });
    const prepared = this.compile({
      nodes: [{ op: 'Add', domain: '', inputs: ['a', 'b'], outputs: ['sum'], attributes: {} }],
      inputs: [io('a'), io('b')],
      outputs: [io('sum')],
      constants: [],
    });
    const [sum] = this.run(prepared, [Float32Array.of(2), Float32Array.of(3)]);
    prepared.session.dispose();
    if (sum![0] !== 5) throw new Error(`2 + 3 = ${sum![0]}`);
  }

  /**
   * Runs a model.
   * @param feeds numbers in the order of its inputs.
   * @param results where the outputs' numbers go; new arrays where nothing is given.
   * @returns the outputs' numbers.
   */
  run(
    { session, inputs, outputs }: Prepared,
    feeds: readonly Numbers[],
    results: readonly Numbers[] = outputs.map(({ dtype, shape }) => emptyNumbers(dtype, sizeOf(shape))),
  ): readonly Numbers[] {
    const tensor = ({ dtype, shape }: IoTensor, numbers: Numbers): RuntimeTensor =>
      new this.#runtime.Tensor(dtype, numbers, shape);
    session.run(
      Object.fromEntries(inputs.map((input, i) => [input.name, tensor(input, feeds[i]!)])),
      Object.fromEntries(outputs.map((output, i) => [output.name, tensor(output, results[i]!)])),
      {},
    );
    return results;
  }

  dispose(): void {
    for (const { session } of this.#kept.values()) session.dispose();
    this.#kept.clear();
    this.#bytes = 0;
  }
}
