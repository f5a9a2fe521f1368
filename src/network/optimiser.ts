import { UserError } from '../diagnostics/diagnostic.ts';
import { tf } from '../engine/tensorflow.ts';
import type { ParameterForm } from './network.ts';

/** What an optimiser remembers between steps, by name: `momentum`, or `first-moment` and `second-moment`. */
export type Slots<T> = Readonly<Record<string, T>>;

/** Parameters on the device that move along gradients. */
export interface Optimiser {
  readonly parameters: readonly tf.Tensor[];
  /** In the order of the parameters; none before the first step. They change with the next step. */
  readonly slots: Slots<readonly tf.Tensor[]>;
  /** One step. The gradient stays the caller's. */
  step(gradient: readonly tf.Tensor[], learningRate: number): void;
  dispose(): void;
}

export type OptimiserSpec =
  | {
      readonly name: 'sgd';
      readonly momentum: number;
      readonly dampening: number;
      readonly nesterov: boolean;
    }
  | {
      readonly name: 'adam' | 'adamw';
      readonly betas: readonly [number, number];
      readonly epsilon: number;
    };

/** What an optimiser remembers once it has taken a step. */
export function slotNames(spec: OptimiserSpec): string[] {
  if (spec.name === 'sgd') return spec.momentum === 0 ? [] : ['momentum'];
  return ['first-moment', 'second-moment'];
}

/** Which parameters decay: all; `weights`, those of two dimensions or more; or by name, `*` standing for anything. */
export type Decayed = 'all' | 'weights' | readonly string[];

/**
 * The weight decay of each parameter.
 * @throws UserError where a pattern fits no parameter.
 */
export function decayOf(parameters: readonly ParameterForm[], decay: number, decayed: Decayed): number[] {
  if (decayed === 'all') return parameters.map(() => decay);
  if (decayed === 'weights') return parameters.map(({ shape }) => (shape.length >= 2 ? decay : 0));
  const patterns = decayed.map((text) => {
    const literal = text.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
    const pattern = new RegExp(`^${literal.join('.*')}$`);
    if (!parameters.some(({ name }) => pattern.test(name)))
      throw new UserError({
        severity: 'error',
        code: 'fits-no-parameter',
        message: `"${text}" fits none of the network's parameters`,
        expected: `a name or a pattern with *; there are ${parameters.map(({ name }) => name).join(', ')}`,
      });
    return pattern;
  });
  return parameters.map(({ name }) => (patterns.some((pattern) => pattern.test(name)) ? decay : 0));
}

/** `norm`: the whole gradient is scaled down to this length; `value`: each component is cut at ± this. */
export type Clip = { readonly norm: number } | { readonly value: number };

/**
 * A gradient cut short as PyTorch's clip_grad_norm_ (by norm/(‖g‖ + 1e-6) where that is below 1) or clip_grad_value_.
 * Takes the gradient over; the caller disposes of the result.
 */
export function clipped(gradient: tf.Tensor[], clip: Clip): tf.Tensor[] {
  const cut = tf.tidy(() => {
    if ('value' in clip) return gradient.map((g) => tf.clipByValue(g, -clip.value, clip.value));
    const length = tf.sqrt(tf.addN(gradient.map((g) => tf.sum(tf.square(g)))));
    const factor = tf.minimum(tf.div(clip.norm, tf.add(length, 1e-6)), 1);
    return gradient.map((g) => tf.mul(g, factor));
  });
  tf.dispose(gradient);
  return cut;
}
