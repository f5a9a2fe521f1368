/**
 * Inner loops that neither TensorFlow.js nor plain JavaScript computes fast: float64 sums over many float32 vectors, and
 * the small end of a perceptron's loss. They are WebAssembly (source: `kernels/`), so that they have the same bits on
 * every machine. This folder knows addresses and numbers; it knows no tensors, networks or data.
 */
import { UserError } from '../diagnostics/diagnostic.ts';
import { own, shared } from './bytes.ts';
import { forgotten, together } from './crew.ts';
import { Instance, Memory, Module, type WasmMemory } from './webassembly.ts';

type Address = number;

/** Addresses are bytes; what the functions compute is said in `kernels/`. */
export interface Kernels {
  along(
    scratch: Address,
    counter: Address,
    tiles: number,
    basis: Address,
    stride: number,
    count: number,
    w: Address,
    n: number,
    partial: Address,
  ): void;
  takeAway(
    scratch: Address,
    counter: Address,
    tiles: number,
    basis: Address,
    stride: number,
    count: number,
    factors: Address,
    w: Address,
    n: number,
    partial: Address,
  ): void;
  recombine(
    scratch: Address,
    counter: Address,
    tiles: number,
    basis: Address,
    stride: number,
    count: number,
    y: Address,
    columns: number,
    n: number,
  ): void;
  widened(from: Address, to: Address, n: number): void;
  rounded(w: Address, factor: number, to: Address, n: number): void;
  stepped(out: Address, x: Address, slope: Address, factor: number, n: number): void;
  rectified(out: Address, x: Address, slope: Address, factor: number, n: number): void;
  relu(out: Address, x: Address, n: number): void;
  dense(
    out: Address,
    x: Address,
    quads: number,
    into: number,
    kernel: Address,
    bias: Address,
    columns: number,
  ): void;
  crossEntropy(logits: Address, quads: number, classes: number, labels: Address, sums: Address): void;
  descend(
    w: Address,
    buffer: Address,
    g: Address,
    n: number,
    rate: number,
    momentum: number,
    share: number,
    decay: number,
    nesterov: 0 | 1,
    fresh: 0 | 1,
  ): void;
  pixels(
    out: Address,
    bytes: Address,
    rows: number,
    channels: number,
    plane: number,
    table: Address,
    interleaved: 0 | 1,
  ): void;
  interleaved(out: Address, x: Address, quads: number, columns: number, all: number): number;
  project(
    scratch: Address,
    counter: Address,
    pieces: number,
    x: Address,
    features: number,
    weights: Address,
    biases: Address,
    outs: Address,
    vectors: number,
    columns: number,
  ): void;
  measure(
    scratch: Address,
    counter: Address,
    chunks: number,
    quads: number,
    most: number,
    layers: number,
    widths: Address,
    base: Address,
    labels: Address,
    points: Address,
    count: number,
    sums: Address,
  ): void;
}

/** Kernels that several threads share: each takes a scratch of its own and a counter of the pieces that are taken. */
export type SharedKernel = 'project' | 'measure' | 'along' | 'takeAway' | 'recombine';
type WithoutPlaces<F> = F extends (scratch: Address, counter: Address, ...rest: infer Rest) => void
  ? Rest
  : never;

const pageBytes = 65536;
const mostBytes = 65536 * pageBytes;
/** The module's own tables lie below. */
const firstFree = pageBytes;

const modules: { own?: object; shared?: object } = {};
let memories = 0;

/**
 * Kernels over a memory of their own, handed out piece by piece and freed as a whole when nothing refers to it.
 * Pieces start at multiples of 64 bytes and hold zeros.
 */
export class KernelMemory {
  readonly run: Kernels;
  readonly #id = memories++;
  readonly #memory: WasmMemory;
  readonly #module: object;
  readonly #shared: boolean;
  #used = firstFree;

  /**
   * @param shared whether other threads may work in it. Native code takes numbers only out of a memory that is not
   * shared, and of that one views are void once more is allocated: it may move.
   */
  constructor({ shared: isShared = false } = {}) {
    const module = isShared
      ? (modules.shared ??= new Module(Buffer.from(shared, 'base64')))
      : (modules.own ??= new Module(Buffer.from(own, 'base64')));
    this.#memory = new Memory({ initial: 1, maximum: mostBytes / pageBytes, shared: isShared });
    this.#module = module;
    this.#shared = isShared;
    const abort = (): never => {
      throw new Error('a kernel failed');
    };
    const { exports } = new Instance(module, { env: { memory: this.#memory, abort } });
    this.run = exports as Kernels;
  }

  /**
   * Runs a kernel in as many threads as there are scratches, this one among them.
   * @param counter an int32 in memory, for the pieces that are taken.
   */
  async share<Name extends SharedKernel>(
    name: Name,
    scratches: readonly Address[],
    counter: Address,
    ...given: WithoutPlaces<Kernels[Name]>
  ): Promise<void> {
    if (!this.#shared) throw new Error('a memory of one thread');
    this.int32(counter, 1)[0] = 0;
    const shared = { id: this.#id, module: this.#module, memory: this.#memory };
    const [own, ...others] = scratches.map((scratch) => [scratch, counter, ...given]);
    const kernel = this.run[name] as (...all: number[]) => void;
    await together(shared, name, () => kernel(...own!), others);
  }

  /** After `share`: lets the other threads go of the memory. */
  dispose(): void {
    forgotten(this.#id);
  }

  /** Bytes handed out. */
  get bytes(): number {
    return this.#used - firstFree;
  }

  /** @throws UserError beyond the 4 GiB of a WebAssembly memory, or where the machine has no more. */
  allocate(bytes: number): Address {
    const at = this.#used;
    const end = at + Math.ceil(bytes / 64) * 64;
    const missing = Math.ceil((end - this.#memory.buffer.byteLength) / pageBytes);
    if (missing > 0) {
      if (end > mostBytes) throw tooLarge(end);
      try {
        this.#memory.grow(missing);
      } catch {
        throw tooLarge(end);
      }
    }
    this.#used = end;
    return at;
  }

  float32(at: Address, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, length);
  }

  float64(at: Address, length: number): Float64Array {
    return new Float64Array(this.#memory.buffer, at, length);
  }

  uint8(at: Address, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  int32(at: Address, length: number): Int32Array {
    return new Int32Array(this.#memory.buffer, at, length);
  }
}

function tooLarge(bytes: number): UserError {
  return new UserError({
    severity: 'error',
    code: 'kernel-memory',
    message: `vectors of ${(bytes / 2 ** 30).toFixed(1)} GiB are more than there is room for`,
    expected: 'at most 4 GiB, and what the machine has free',
    hint: 'hold fewer of them: a smaller basis or fewer iterations of eigenpairs and spectrum, fewer examples of evaluate',
  });
}
