import type { Examples } from './examples.ts';
import { Hessian, type HessianSettings, hasFastProduct } from './hessian.ts';
import { InputSpan } from './input-span.ts';
import type { Network } from './network.ts';
import { dimension, type ParameterVector } from './tensors.ts';

/** A Hessian's products, and those in coordinates of its examples' inputs where it has such: a `SymmetricOperator`. */
export interface HessianOperator {
  readonly dimension: number;
  product(v: Float32Array): Promise<Float32Array>;
  /** Made when it is first asked for. */
  reduced(): Promise<ReducedHessian | undefined>;
  dispose(): void;
}

/** A `ReducedOperator`. */
export interface ReducedHessian {
  readonly dimension: number;
  /** What of the inputs decides its products. */
  readonly inputs: Float32Array;
  product(v: Float32Array): Promise<Float32Array>;
  coordinates(v: Float32Array): Promise<Float32Array>;
  vectors(coordinates: readonly Float32Array[], start: Float32Array): Promise<Float32Array[]>;
}

/** Nothing is computed before it is needed, so that an operator whose products are all known costs nothing. */
export function hessianOperator(
  network: Network,
  theta: ParameterVector,
  examples: Examples,
  settings: HessianSettings,
): HessianOperator {
  let plain: Hessian | undefined;
  let inCoordinates: Hessian | undefined;
  let reduced: Promise<ReducedHessian | undefined> | undefined;
  const reduce = async (): Promise<ReducedHessian | undefined> => {
    if (settings.path === 'generic' || !hasFastProduct(network)) return undefined;
    const span = await InputSpan.of(examples, settings.keptBytes);
    if (!span) return undefined;
    const units = theta[0]!.shape[1]!;
    return {
      dimension: span.dimension(theta),
      inputs: span.coordinates,
      product(v) {
        inCoordinates ??= new Hessian(network, theta, examples, { ...settings, span });
        return inCoordinates.product(v);
      },
      coordinates: (v) => span.reduced(v, units),
      vectors: (coordinates, start) => span.whole(coordinates, start, units),
    };
  };
  return {
    dimension: dimension(theta),
    product(v) {
      plain ??= new Hessian(network, theta, examples, settings);
      return plain.product(v);
    },
    reduced: () => (reduced ??= reduce()),
    dispose() {
      plain?.dispose();
      inCoordinates?.dispose();
    },
  };
}
