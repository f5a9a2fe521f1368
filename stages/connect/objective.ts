import { tf } from '../../src/engine/tensorflow.ts';
import { lossAndGradient } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import type { DescribedObjective } from '../mine/descent.ts';
import { type CurveFamily, coefficients } from './curve.ts';

/**
 * A low-loss curve between two networks (Garipov, Izmailov, Podoprikhin, Vetrov and Wilson, "Loss surfaces, mode
 * connectivity, and fast ensembling of DNNs", 2018, Eq. 2): the bends minimise E L(φ(t)) over batches and t, uniform in
 * (0, 1). They start on the straight line. All bends are one vector, bend after bend.
 * @param network with batch norm's mode bound.
 * @param from,to on the device; they stay the caller's.
 * @param ends the same on the host.
 */
export function connectObjective(
  network: Network,
  [from, to]: readonly [readonly tf.Tensor[], readonly tf.Tensor[]],
  ends: readonly [ParameterVector, ParameterVector],
  family: CurveFamily,
  bends: number,
): DescribedObjective {
  const count = ends[0].length;
  const line = (share: number): ParameterVector =>
    mapVector(ends[0], (t, i) => (1 - share) * ends[0][t]!.values[i]! + share * ends[1][t]!.values[i]!);
  return {
    start: Array.from({ length: bends }, (_, b) =>
      line((b + 1) / (bends + 1)).map((tensor) => ({ ...tensor, name: `${b + 1}/${tensor.name}` })),
    ).flat(),
    gradientsPerStep: 1,
    losses: ['loss'],
    factors: (_, unit) => coefficients(family, bends + 2, (unit + 1) / 2),
    step(inner, { inputs, targets, factors: c }) {
      const point = from.map((w, p) => {
        let sum = tf.add(tf.mul(w, c[0]!), tf.mul(to[p]!, c[bends + 1]!));
        for (let b = 0; b < bends; b++) sum = tf.add(sum, tf.mul(inner[b * count + p]!, c[b + 1]!));
        return sum;
      });
      const { loss, gradient: own } = lossAndGradient(network, point, inputs, targets);
      return {
        gradient: inner.map((_, k) => tf.mul(own[k % count]!, c[Math.floor(k / count) + 1]!)),
        losses: [loss],
      };
    },
    describe: (vector) => ({ norm: norm(vector) }),
  };
}
