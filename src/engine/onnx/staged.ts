import type { Bound, Numbers as Given, Staged, TensorFunction } from '../compile.ts';
import type { tf } from '../tensorflow.ts';
import { frontier, type Recorder, recorded, signatureOf, transparent } from './compile.ts';
import { evaluate, lowered } from './evaluate.ts';
import { type Graph, type GraphNode, graphOf } from './graph.ts';
import type { Prepared, Sessions } from './sessions.ts';
import { type Numbers, Value } from './value.ts';

/**
 * Not handed over: what a step of ReLU's gradient is made from is there anyway, and kept it would take as
 * much memory as that.
 */
const cheap = new Set([...transparent, 'Step']);

/** A recording in two parts: what the first inputs decide, and the rest. */
interface Plan {
  readonly first: readonly Value[];
  readonly rest: readonly Value[];
  /** What is handed from part to part. */
  readonly between: readonly Value[];
  readonly early: Graph;
  readonly late: Graph;
  /** Numbers of a part that was let go, to be written over. */
  spare: readonly Numbers[] | undefined;
}

/**
 * A function recorded once for each combination of shapes, in two parts: all first inputs of the same shapes share both
 * programs, and each keeps but the numbers between them.
 */
export class StagedFunction implements Staged {
  readonly #backend: Recorder;
  readonly #sessions: Sessions;
  readonly #f: TensorFunction;
  readonly #plans = new Map<string, Plan>();

  constructor(backend: Recorder, sessions: Sessions, f: TensorFunction) {
    this.#backend = backend;
    this.#sessions = sessions;
    this.#f = f;
  }

  at(...first: readonly tf.Tensor[]): Bound {
    const given = first.map((tensor) => this.#backend.computed(tensor));
    let plan: Plan | undefined;
    let between: readonly Numbers[] | undefined;
    return {
      compute: async (inputs: readonly Given[], results: readonly Float32Array[]) => {
        const rest = inputs.map(({ values, shape }) => new Value(shape, 'float32', { numbers: values }));
        plan ??= this.#planOf(given, rest);
        between ??= this.#early(plan, given);
        this.#late(plan, given, between, rest, results);
      },
      get keptBytes() {
        const all = [...given.map(({ numbers }) => numbers!), ...(between ?? [])];
        return all.reduce((sum, { byteLength }) => sum + byteLength, 0);
      },
      dispose() {
        if (plan) plan.spare = between;
        between = undefined;
      },
    };
  }

  dispose(): void {
    this.#plans.clear();
  }

  #planOf(first: readonly Value[], rest: readonly Value[]): Plan {
    const signature = `${signatureOf(first)} ${signatureOf(rest)}`;
    let plan = this.#plans.get(signature);
    if (!plan) this.#plans.set(signature, (plan = this.#record(first, rest)));
    return plan;
  }

  #record(first: readonly Value[], rest: readonly Value[]): Plan {
    const { inputs, outputs } = recorded(this.#backend, this.#f, [...first, ...rest]);
    evaluate(this.#sessions, frontier(outputs));
    const late = inputs.slice(first.length);
    const moving = dependents(outputs, late);
    const handed = frontier(outputs, (value) => moving.has(value), cheap).filter(({ numbers }) => !numbers);
    const { between, twins } = distinct(handed);
    const early = graphOf(between);
    // How the first part leaves its numbers decides the second part's structure.
    this.#prepared(early).outputs.forEach(({ axes }, i) => {
      between[i]!.axes = axes;
    });
    const leaves = new Set(between);
    return {
      first: inputs.slice(0, first.length),
      rest: late,
      between,
      early,
      late: graphOf(outputs, (value) => leaves.has(value), twins),
      spare: undefined,
    };
  }

  #prepared(graph: Graph, plain = false): Prepared {
    return this.#sessions.of(`${plain ? 'plain ' : ''}${graph.key}`, () =>
      lowered(graph, this.#sessions.block, plain),
    );
  }

  #early(plan: Plan, given: readonly Value[]): readonly Numbers[] {
    const { early, first, spare } = plan;
    plan.spare = undefined;
    const feeds = early.leaves.map(({ value }) => value.numbers ?? given[first.indexOf(value)]!.numbers!);
    return this.#sessions.run(this.#prepared(early), feeds, spare);
  }

  #late(
    { first, rest, between, late }: Plan,
    given: readonly Value[],
    computed: readonly Numbers[],
    moving: readonly Value[],
    results: readonly Float32Array[],
  ): void {
    const known = new Map<Value, Numbers>();
    for (const [i, value] of first.entries()) known.set(value, given[i]!.numbers!);
    for (const [i, value] of rest.entries()) known.set(value, moving[i]!.numbers!);
    for (const [i, value] of between.entries()) known.set(value, computed[i]!);
    const feeds = late.leaves.map(({ value }) => value.numbers ?? known.get(value)!);
    this.#sessions.run(this.#prepared(late, true), feeds, results);
  }
}

/** One value of each that is computed in the same way, and which others it stands for. */
function distinct(values: readonly Value[]): { between: readonly Value[]; twins: Map<Value, Value> } {
  const first = new Map<GraphNode, Value>();
  const twins = new Map<Value, Value>();
  for (const [i, node] of graphOf(values).outputs.entries()) {
    const value = values[i]!;
    const other = first.get(node);
    if (other) twins.set(value, other);
    else first.set(node, value);
  }
  return { between: [...first.values()], twins };
}

/** The values on the way to `outputs` that depend on some of `inputs`. */
function dependents(outputs: readonly Value[], inputs: readonly Value[]): Set<Value> {
  const found = new Set(inputs);
  const seen = new Set<Value>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const value = stack.at(-1)!;
    const from = value.operation?.inputs ?? [];
    const open = seen.has(value) ? [] : from.filter((input) => !seen.has(input));
    if (open.length > 0) {
      stack.push(...open);
      continue;
    }
    stack.pop();
    seen.add(value);
    if (from.some((input) => found.has(input))) found.add(value);
  }
  return found;
}
