import { tf } from '../../src/engine/tensorflow.ts';
import { lossAndGradient } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import type { DescribedObjective } from './descent.ts';

/** How far w-peak's λ reaches in epoch e of E. */
export interface PeakSettings {
  readonly epochs: number;
  readonly reach: number;
}

/**
 * Algorithm 1 (w-peak): ε minimises E L(θ + λε) over batches and λ, by steps along λ∇L(θ + λε). In epoch e of E, λ is
 * uniform in ±reach·e/E. ε starts at 0, where the expected gradient vanishes: it grows out of the batches' noise like a
 * power iteration with -H.
 * @param network with batch norm's mode bound.
 * @param theta on the device; stays the caller's.
 */
export function peakObjective(
  network: Network,
  theta: readonly tf.Tensor[],
  form: ParameterVector,
  { epochs, reach }: PeakSettings,
): DescribedObjective {
  return {
    start: mapVector(form, () => 0),
    gradientsPerStep: 1,
    losses: ['loss'],
    factors: (epoch, unit) => [((reach * epoch) / epochs) * unit],
    step(epsilon, { inputs, targets, factors: [lambda] }) {
      const point = theta.map((w, t) => tf.add(w, tf.mul(epsilon[t]!, lambda!)));
      const { loss, gradient } = lossAndGradient(network, point, inputs, targets);
      return { gradient: gradient.map((g) => tf.mul(g, lambda!)), losses: [loss] };
    },
    describe: (epsilon) => ({ norm: norm(epsilon) }),
  };
}

/** Of Algorithm 2. */
export interface BasinSettings {
  readonly alpha: number;
  readonly gamma: number;
}

/**
 * Algorithm 2 (vvv-basin): φ minimises E[L(φ) + γL(θ + λ(φ - θ))] over batches and λ, uniform in 0.5 ± α: another basin,
 * with a third one between.
 * @param network with batch norm's mode bound.
 * @param theta on the device; stays the caller's.
 * @param start of φ.
 */
export function basinObjective(
  network: Network,
  theta: readonly tf.Tensor[],
  form: ParameterVector,
  start: ParameterVector,
  { alpha, gamma }: BasinSettings,
): DescribedObjective {
  return {
    start,
    gradientsPerStep: 2,
    losses: ['loss', 'loss-between'],
    factors(_, unit) {
      const lambda = 0.5 + alpha * unit;
      return [lambda, gamma * lambda];
    },
    step(phi, { inputs, targets, factors: [lambda, weight] }) {
      const between = theta.map((w, t) => tf.add(w, tf.mul(tf.sub(phi[t]!, w), lambda!)));
      const end = lossAndGradient(network, phi, inputs, targets);
      const middle = lossAndGradient(network, between, inputs, targets);
      const gradient = end.gradient.map((g, t) => tf.add(g, tf.mul(middle.gradient[t]!, weight!)));
      return { gradient, losses: [end.loss, middle.loss] };
    },
    describe: (phi) => ({ norm: norm(difference(phi, form)) }),
  };
}

/** a - b. */
export function difference(a: ParameterVector, b: ParameterVector): ParameterVector {
  return mapVector(b, (t, i) => a[t]!.values[i]! - b[t]!.values[i]!);
}
