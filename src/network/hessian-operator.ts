import type { Examples } from './examples.ts';
import { Hessian, type HessianSettings, hasFastProduct } from './hessian.ts';
import { HessianRange, type ReducedHessian } from './hessian-range.ts';
import type { Network } from './network.ts';
import { dimension, type ParameterVector } from './tensors.ts';

/** A Hessian's products, and those in coordinates of its range where it has such: a `SymmetricOperator`. */
export interface HessianOperator {
  readonly dimension: number;
  product(v: Float32Array): Promise<Float32Array>;
  reduced(start: Float32Array): Promise<ReducedHessian | undefined>;
  dispose(): void;
}

/** Nothing is computed before it is needed, so that an operator whose products are all known costs little. */
export function hessianOperator(
  network: Network,
  theta: ParameterVector,
  examples: Examples,
  settings: HessianSettings,
): HessianOperator {
  let plain: Hessian | undefined;
  let range: HessianRange | undefined;
  return {
    dimension: dimension(theta),
    product(v) {
      plain ??= new Hessian(network, theta, examples, settings);
      return plain.product(v);
    },
    async reduced(start) {
      if (settings.path === 'generic' || !hasFastProduct(network)) return undefined;
      range ??= HessianRange.of(network, theta, examples, settings.keptBytes);
      return range?.from(start);
    },
    dispose() {
      plain?.dispose();
      range?.dispose();
    },
  };
}
