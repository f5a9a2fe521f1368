import type { Compiled, CompileSettings, Numbers, TensorFunction } from '../compile.ts';
import { tf } from '../tensorflow.ts';
import { evaluate, lowered } from './evaluate.ts';
import { type Graph, graphOf } from './graph.ts';
import type { Prepared, Program, Sessions } from './sessions.ts';
import { Value } from './value.ts';

/** The backend, as much of it as is needed to record and to hand over results. */
export interface Recorder {
  /** The value of a tensor. */
  recorded(tensor: tf.Tensor): Value;
  /** The same, with its numbers. */
  computed(tensor: tf.Tensor): Value;
  /** A new tensor for a value. */
  wrapped(value: Value): tf.Tensor;
  /** Records, and computes nothing meanwhile. */
  held<T>(record: () => T): T;
}

/** A recording of the function for inputs of certain shapes. */
interface Plan {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly graph: Graph;
  /** With embedded numbers: the program's key, as no other has it, and the leaves that remain its inputs. */
  readonly own: { readonly key: string; readonly fed: readonly Value[] } | undefined;
}

let embedded = 0;

/** What costs nothing to do again: it only says how numbers lie in memory, or stands for one number. */
export const transparent: ReadonlySet<string> = new Set([
  'Fill',
  'Transpose',
  'Reshape',
  'Copy',
  'BroadcastTo',
]);

/**
 * A function recorded once for each combination of its inputs' shapes, by partial evaluation: what depends on no input is
 * computed when it is recorded, and each call computes the rest.
 */
export class CompiledFunction implements Compiled {
  readonly #backend: Recorder;
  readonly #sessions: Sessions;
  readonly #f: TensorFunction;
  readonly #embed: boolean;
  readonly #plans = new Map<string, Plan>();

  constructor(backend: Recorder, sessions: Sessions, f: TensorFunction, { embed }: CompileSettings) {
    this.#backend = backend;
    this.#sessions = sessions;
    this.#f = f;
    this.#embed = embed ?? false;
  }

  get keptBytes(): number {
    const arrays = new Set<ArrayBufferLike>();
    for (const { graph } of this.#plans.values())
      for (const { value } of graph.leaves) if (value.numbers) arrays.add(value.numbers.buffer);
    return [...arrays].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  call(...inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const given = inputs.map((tensor) => this.#backend.computed(tensor));
    const plan = this.#planOf(given);
    const prepared = this.#prepared(plan);
    const results = this.#sessions.run(prepared, this.#feeds(plan, given));
    return plan.outputs.map(({ shape, dtype }, i) =>
      this.#backend.wrapped(new Value(shape, dtype, { numbers: results[i]! })),
    );
  }

  async compute(inputs: readonly Numbers[], results: readonly Float32Array[]): Promise<void> {
    const given = inputs.map(({ values, shape }) => new Value(shape, 'float32', { numbers: values }));
    const plan = this.#planOf(given);
    this.#sessions.run(this.#prepared(plan), this.#feeds(plan, given), results);
  }

  #planOf(given: readonly Value[]): Plan {
    const signature = signatureOf(given);
    let plan = this.#plans.get(signature);
    if (!plan) this.#plans.set(signature, (plan = this.#record(given)));
    return plan;
  }

  dispose(): void {
    for (const { own } of this.#plans.values()) if (own) this.#sessions.release(own.key);
    this.#plans.clear();
  }

  #record(given: readonly Value[]): Plan {
    const { inputs, outputs } = recorded(this.#backend, this.#f, given);
    evaluate(this.#sessions, frontier(outputs));
    const graph = graphOf(outputs);
    const fed = graph.leaves.flatMap(({ value }) => (inputs.includes(value) ? [value] : []));
    const own = this.#embed ? { key: `embedded ${embedded++}`, fed } : undefined;
    return { inputs, outputs, graph, own };
  }

  /** The program with all that is no input as constants. It may be let go for want of memory, and is made again then. */
  #embedded({ graph, inputs }: Plan): Program {
    // Where channels do not fill blocks, onnxruntime fills them up itself: it knows these kernels.
    const { block } = this.#sessions;
    const model = lowered(graph, fillsBlocks(graph, block) ? block : 0, true);
    const left = model.inputs.filter((_, i) => inputs.includes(graph.leaves[i]!.value));
    const constants = model.inputs.flatMap((input, i) => {
      const { numbers } = graph.leaves[i]!.value;
      if (!numbers) return [];
      return [{ ...input, bytes: new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength) }];
    });
    return { ...model, inputs: left, constants: [...model.constants, ...constants] };
  }

  #prepared(plan: Plan): Prepared {
    const { graph, own } = plan;
    if (own) return this.#sessions.of(own.key, () => this.#embedded(plan));
    return this.#sessions.of(`plain ${graph.key}`, () => lowered(graph, this.#sessions.block, true));
  }

  #feeds({ inputs, graph, own }: Plan, given: readonly Value[]) {
    const fed = own?.fed ?? graph.leaves.map(({ value }) => value);
    return fed.map((leaf) => leaf.numbers ?? given[inputs.indexOf(leaf)]!.numbers!);
  }
}

/** Whether what convolutions make has whole blocks of channels. */
function fillsBlocks({ nodes }: Graph, block: number): boolean {
  return nodes.every(
    ({ name, shape }) => (name !== 'Conv' && name !== 'DepthwiseConv') || shape[3]! % block === 0,
  );
}

/** What decides a recording. */
export function signatureOf(given: readonly Value[]): string {
  return given.map(({ dtype, shape, axes }) => `${dtype}[${shape}]${axes ?? ''}`).join();
}

/** Records a function for inputs of the given ones' shapes. */
export function recorded(
  backend: Recorder,
  f: TensorFunction,
  given: readonly Value[],
): { readonly inputs: readonly Value[]; readonly outputs: readonly Value[] } {
  const inputs = given.map(({ shape, dtype, axes }) => {
    const input = new Value(shape, dtype, 'input');
    input.axes = axes;
    return input;
  });
  const engine = tf.engine();
  engine.startScope('compiled function');
  try {
    const tensors = inputs.map((value) => backend.wrapped(value));
    const made = backend.held(() => f(...tensors));
    const outputs = made.map((tensor) => backend.recorded(tensor));
    // The scope's end leaves alone what was kept.
    tf.dispose(made.filter(({ kept }) => kept));
    return { inputs, outputs };
  } finally {
    engine.endScope();
  }
}

/** A matrix that is turned is multiplied faster from memory in its own order than as one that is to be turned. */
function turnsMatrix({ operation, shape }: Value): boolean {
  return operation!.name === 'Transpose' && shape.length === 2;
}

/**
 * What depends on no input, or on none of some, and is taken by something that does.
 * @param again operations that are done again there: what they are made from is taken in their place.
 */
export function frontier(
  outputs: readonly Value[],
  depends: (value: Value) => boolean = ({ symbolic }) => symbolic,
  again: ReadonlySet<string> = transparent,
): Value[] {
  const seen = new Set<Value>();
  const found = new Set<Value>();
  const stack = [...outputs];
  const wanted = (value: Value): void => {
    if (seen.has(value) || !value.operation) return;
    const { name } = value.operation;
    if (depends(value) || (again.has(name) && !turnsMatrix(value))) stack.push(value);
    else found.add(value);
  };
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    for (const input of value.operation?.inputs ?? []) wanted(input);
  }
  return [...found];
}
