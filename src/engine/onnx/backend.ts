import { UserError } from '../../diagnostics/diagnostic.ts';
import type { Compiled, CompileSettings, CompilingBackend, Staged, TensorFunction } from '../compile.ts';
import { tf } from '../tensorflow.ts';
import { CompiledFunction } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { ordered } from './lowering.ts';
import type { Sessions } from './sessions.ts';
import { StagedFunction } from './staged.ts';
import {
  emptyNumbers,
  type Numbers,
  type OperationAttributes,
  sizeOf,
  Value,
  type ValueType,
} from './value.ts';

type DataId = object;

/** What stands for a tensor in kernels: its identity, shape and type. */
export interface TensorInfo {
  readonly dataId: DataId;
  readonly shape: number[];
  readonly dtype: ValueType;
}

interface Entry {
  readonly value: Value;
  references: number;
}

/** Up to so many equal numbers are data; more are remembered as one number. */
const uniformFrom = 1024;

/**
 * A TensorFlow.js backend whose kernels record. Nothing is computed until a tensor is read; then everything that is
 * still wanted (every living tensor) is computed as one graph.
 */
export class RecordingBackend extends tf.KernelBackend implements CompilingBackend {
  readonly #entries = new Map<DataId, Entry>();
  /** Values of living tensors that have no numbers yet. */
  readonly #pending = new Set<Value>();
  readonly #sessions: Sessions;
  readonly #recordedAtMost: number;
  #recorded = 0;
  /** While a function is recorded: what of it must be computed is known at its end. */
  #held = false;

  /** @param recordedAtMost so many operations are recorded before they are computed, read or not. */
  constructor(sessions: Sessions, recordedAtMost = 30_000) {
    super();
    this.#sessions = sessions;
    this.#recordedAtMost = recordedAtMost;
  }

  /** The value of a tensor. */
  recorded({ dataId }: { readonly dataId: DataId }): Value {
    const entry = this.#entries.get(dataId);
    if (!entry) throw new Error('a tensor that was disposed of, or that belongs to another engine');
    return entry.value;
  }

  /** A new tensor with one reference. */
  tensorOf(value: Value): TensorInfo {
    const dataId = {};
    this.#entries.set(dataId, { value, references: 1 });
    if (value.operation && !value.symbolic) this.#pending.add(value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  record(
    name: string,
    inputs: readonly Value[],
    shape: readonly number[],
    dtype: ValueType,
    attributes: OperationAttributes = {},
  ): Value {
    this.#recorded++;
    return new Value(shape, dtype, { operation: { name, attributes, inputs } });
  }

  /** Computes all that living tensors still wait for, as one graph. */
  flush(): void {
    const wanted = [...this.#pending];
    this.#pending.clear();
    this.#recorded = 0;
    if (wanted.length > 0) evaluate(this.#sessions, wanted);
  }

  /** The value of a tensor, with its numbers. */
  computed(tensor: { readonly dataId: DataId }): Value {
    const value = this.recorded(tensor);
    if (value.symbolic) throw new Error('a function that is compiled cannot read its tensors');
    if (!value.numbers) {
      this.#pending.add(value);
      this.flush();
    }
    return value;
  }

  /** A tensor of TensorFlow.js for a value. */
  wrapped(value: Value): tf.Tensor {
    const { dataId, shape, dtype } = this.tensorOf(value);
    return tf.engine().makeTensorFromDataId(dataId, shape, dtype, this);
  }

  held<T>(record: () => T): T {
    const [outer, before] = [this.#held, this.#recorded];
    this.#held = true;
    try {
      return record();
    } finally {
      this.#held = outer;
      this.#recorded = before;
    }
  }

  compile(f: TensorFunction, settings: CompileSettings): Compiled {
    return new CompiledFunction(this, this.#sessions, f, settings);
  }

  staged(f: TensorFunction): Staged {
    return new StagedFunction(this, this.#sessions, f);
  }

  /** Called where a kernel ends, so that what it returns is known. */
  bound(): void {
    if (this.#recorded > this.#recordedAtMost && !this.#held) this.flush();
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    return this.tensorOf(this.#leaf(values, shape, dtype)).dataId;
  }

  override move(
    dataId: DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.#entries.set(dataId, { value: this.#leaf(values, shape, dtype), references });
  }

  #leaf(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): Value {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw new UserError({
        severity: 'error',
        code: 'unsupported-by-engine',
        message: `the engine "onnx" has no tensors of type ${dtype}`,
        hint: 'use engine: wasm',
      });
    const given = values as ArrayLike<number>;
    if (given.length >= uniformFrom && uniform(given))
      return this.record('Fill', [], shape, dtype, { value: given[0]! });
    const numbers = emptyNumbers(dtype, sizeOf(shape));
    // A copy: what is recorded now may be computed after the caller has changed its array.
    numbers.set(given);
    return new Value(shape, dtype, { numbers });
  }

  override async read(dataId: DataId): Promise<Numbers> {
    return this.readSync(dataId);
  }

  override readSync(dataId: DataId): Numbers {
    const value = this.computed({ dataId });
    return ordered(value.numbers!, value.shape, value.axes, this.#sessions.block);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const entry = this.#entries.get(dataId);
    if (!entry) return true;
    entry.references--;
    if (!force && entry.references > 0) return false;
    this.#entries.delete(dataId);
    this.#pending.delete(entry.value);
    return true;
  }

  override refCount(dataId: DataId): number {
    return this.#entries.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: DataId): void {
    const entry = this.#entries.get(dataId);
    if (entry) entry.references++;
  }

  override numDataIds(): number {
    return this.#entries.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return true;
  }

  /** Of a kernel in a profile it is the time of recording it: reading its result would end what is being compiled. */
  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    const start = performance.now();
    f();
    if (!tf.engine().state.profiling) this.flush();
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.#pending.clear();
    this.#entries.clear();
    this.#sessions.dispose();
  }
}

function uniform(values: ArrayLike<number>): boolean {
  const first = values[0]!;
  // Zeros of both signs and NaN stay data.
  if (first === 0 && Object.is(first, -0)) return false;
  for (let i = 1; i < values.length; i++) if (values[i] !== first || Object.is(values[i], -0)) return false;
  return true;
}
