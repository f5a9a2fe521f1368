import { type Bound, compile, type Staged, staged } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { batches, type Examples, inOrder } from './examples.ts';
import { differentiated } from './hessian-batch.ts';
import { mlpCurvature } from './hessian-mlp.ts';
import { inputTensor, targetTensor, toTensors } from './loss.ts';
import type { Network } from './network.ts';
import { isPlainCrossEntropy } from './objective.ts';
import { dimension, type ParameterVector } from './tensors.ts';

export interface HessianSettings {
  /** Examples of a micro-batch. Memory, hardly the result, depends on it. */
  readonly batch: number;
  /** Bytes on the device for what does not depend on v; batches beyond it are prepared again for each product. */
  readonly keptBytes?: number;
  /** `generic` differentiates twice; `fast` is for networks that have a hand-derived product. Default: what there is. */
  readonly path?: 'generic' | 'fast';
}

const defaultKeptBytes = 2 ** 30;

/** One micro-batch, ready for products. */
interface Prepared {
  readonly compiled: Bound;
  /** Kept besides what the engine does. */
  readonly bytes: number;
  dispose(): void;
}

/**
 * The Hessian of the mean loss over all examples at θ, as products with vectors: float32 on the engine, one
 * micro-batch after the other, weighted by their sizes and summed in float64. A batch-norm network comes with its mode
 * bound.
 */
export class Hessian {
  readonly dimension: number;
  /** Products computed so far. */
  products = 0;
  readonly #form: ParameterVector;
  readonly #examples: Examples;
  readonly #batches: readonly Uint32Array[];
  readonly #parameters: tf.Tensor[];
  readonly #prepare: (indices: Uint32Array, keep: boolean) => Prepared;
  readonly #program: Staged | undefined;
  readonly #kept: Prepared[] = [];
  /** Bytes that may still be kept. */
  #room: number;

  constructor(network: Network, theta: ParameterVector, examples: Examples, settings: HessianSettings) {
    this.#form = theta;
    this.dimension = dimension(theta);
    this.#examples = examples;
    this.#batches = batches(inOrder(examples.count), settings.batch);
    const parameters = toTensors(theta);
    this.#parameters = parameters;
    const fast = settings.path !== 'generic' && hasFastProduct(network);
    if (settings.path === 'fast' && !fast)
      throw new RangeError(`${network.spec.name} has no hand-derived product`);
    // An engine that compiles keeps what does not depend on v by itself.
    const program = fast
      ? undefined
      : staged((inputs, targets, ...v) =>
          differentiated(network, parameters, inputs as tf.Tensor2D, targets as tf.Tensor2D).product(v),
        );
    this.#program = program;
    this.#prepare = (indices, keep) => {
      const inputs = inputTensor(examples, indices);
      const targets = targetTensor(examples, indices);
      if (program) {
        const compiled = program.at(inputs, targets);
        tf.dispose([inputs, targets]);
        return { compiled, bytes: 0, dispose: () => compiled.dispose() };
      }
      const curvature = fast
        ? mlpCurvature(parameters, inputs, targets)
        : differentiated(network, parameters, inputs, targets, keep);
      const compiled = compile((...v) => curvature.product(v));
      return {
        compiled,
        bytes: curvature.bytes,
        dispose() {
          compiled.dispose();
          curvature.dispose();
        },
      };
    };
    this.#room = settings.keptBytes ?? defaultKeptBytes;
  }

  /** Hv. @param v as one list of numbers, tensor after tensor in the parameters' order; so is the result. */
  async product(v: Float32Array): Promise<Float32Array> {
    if (v.length !== this.dimension) throw new RangeError(`${v.length} numbers, ${this.dimension} expected`);
    const direction = shaped(v, this.#form);
    const sums = this.#batches.length > 1 ? new Float64Array(this.dimension) : undefined;
    let result = new Float32Array(this.dimension);
    const parts = shaped(result, this.#form).map(({ values }) => values);
    for (const [b, indices] of this.#batches.entries()) {
      const prepared = this.#kept[b] ?? this.#prepare(indices, this.#room > 0);
      try {
        await prepared.compiled.compute(direction, parts);
      } finally {
        if (prepared !== this.#kept[b]) this.#keep(b, prepared);
      }
      const share = indices.length / this.#examples.count;
      if (sums) for (let i = 0; i < sums.length; i++) sums[i]! += share * result[i]!;
    }
    if (sums) result = Float32Array.from(sums);
    this.products++;
    return result;
  }

  /** Keeps a micro-batch for the next product where there is room; after the first that has none, no more. */
  #keep(b: number, prepared: Prepared): void {
    const bytes = prepared.bytes + prepared.compiled.keptBytes;
    if (b === this.#kept.length && bytes <= this.#room) {
      this.#room -= bytes;
      this.#kept.push(prepared);
    } else {
      this.#room = 0;
      prepared.dispose();
    }
  }

  dispose(): void {
    tf.dispose(this.#parameters);
    for (const curvature of this.#kept.splice(0)) curvature.dispose();
    this.#program?.dispose();
  }
}

/** Whether products are derived by hand. */
export function hasFastProduct(network: Network): boolean {
  return network.spec.name === 'mlp' && isPlainCrossEntropy(network.loss);
}

/** One list of numbers as a parameter vector of a form: views, no copies. */
export function shaped(flat: Float32Array, form: ParameterVector): ParameterVector {
  let offset = 0;
  return form.map(({ name, shape, values }) => {
    const start = offset;
    offset += values.length;
    return { name, shape, values: flat.subarray(start, offset) };
  });
}

/** A parameter vector as one list of numbers. */
export function flattened(vector: ParameterVector): Float32Array {
  const flat = new Float32Array(dimension(vector));
  let offset = 0;
  for (const { values } of vector) {
    flat.set(values, offset);
    offset += values.length;
  }
  return flat;
}
