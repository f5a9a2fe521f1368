/**
 * Functions of tensors that are called many times. An engine that records compiles them once for each combination of
 * shapes, and computes what depends on no input only at the first call; any other engine just calls them.
 */
import { tf } from './tensorflow.ts';

export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/** Numbers of an input and their shape. */
export interface Numbers {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

export interface CompileSettings {
  /**
   * Whether all that is fixed becomes part of the program: faster to run and slower to make, for functions that see many
   * inputs. Default false: it is handed over at each call.
   */
  readonly embed?: boolean;
}

export interface Compiled {
  /** The function's values at inputs, computed when the call returns where the engine compiles. The caller disposes. */
  call(...inputs: readonly tf.Tensor[]): tf.Tensor[];
  /** The same from numbers to numbers in row-major order, which an engine that compiles neither copies nor keeps. */
  compute(inputs: readonly Numbers[], results: readonly Float32Array[]): Promise<void>;
  /** Bytes that are kept between calls for what no input decides; known after the first call. */
  readonly keptBytes: number;
  dispose(): void;
}

/** A function with its first inputs given; the rest differs from call to call. */
export type Bound = Omit<Compiled, 'call'>;

/** A function compiled in two parts: what its first inputs decide is computed once for each of them. */
export interface Staged {
  /** @param first its first inputs, in place of which their numbers stay: the tensors may go. */
  at(...first: readonly tf.Tensor[]): Bound;
  /** What was bound may not be used any more. */
  dispose(): void;
}

/** An engine's own way to compile; methods of its TensorFlow.js backend. */
export interface CompilingBackend {
  compile(f: TensorFunction, settings: CompileSettings): Compiled;
  staged(f: TensorFunction): Staged;
}

/** Whether the engine keeps what depends on no input of a compiled function. */
export function compiles(): boolean {
  return 'compile' in tf.backend();
}

/**
 * Programs for many batches: recorded once, whatever is bound. Only where the engine compiles; else nothing.
 * @param f as for `compile`; how many of its inputs are the first is said where they are bound.
 */
export function staged(f: TensorFunction): Staged | undefined {
  return (tf.backend() as Partial<CompilingBackend>).staged?.(f);
}

/**
 * @param f a pure function of its inputs, composed of `tf` operations. All other tensors that it reaches (parameters, a
 * batch) are taken as they are when it is recorded: at its first call for each combination of its inputs' shapes. They must not be
 * disposed of, nor change, while calls of new shapes may come. It must not read tensors.
 */
export function compile(f: TensorFunction, settings: CompileSettings = {}): Compiled {
  const backend = tf.backend() as Partial<CompilingBackend>;
  if (backend.compile) return backend.compile(f, settings);
  return {
    call: (...inputs) => tf.tidy(() => f(...inputs)),
    async compute(inputs, results) {
      const given = inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
      const found = tf.tidy(() => f(...given));
      tf.dispose(given);
      try {
        for (const [i, tensor] of found.entries()) results[i]!.set((await tensor.data()) as Float32Array);
      } finally {
        tf.dispose(found);
      }
    },
    keptBytes: 0,
    dispose: () => {},
  };
}
