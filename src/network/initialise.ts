import { Random } from '../util/random.ts';
import type { Initialisation, ParameterForm } from './network.ts';
import { type NamedTensor, sizeOf } from './tensors.ts';

/**
 * Initial values of a dense layer's or a convolution's parameter, from the stream named by the seed and its name.
 * - `pytorch`: kernels and biases uniform in ±1/√fan-in, what nn.Linear and nn.Conv2d do;
 * - `he`: kernels normal with variance 2/fan-in (He et al. 2015, "kaiming"), biases 0;
 * - `he-fan-out`: convolutions' kernels normal with variance 2/fan-out, all else as `he`;
 * - `glorot`: kernels uniform in ±√(6/(fan-in + fan-out)) (Glorot and Bengio 2010), biases 0.
 *
 * Fan-in is the number of inputs of one output, window included; fan-out that of outputs of one input at stride 1.
 * @param fanIn of the layer (a bias does not tell).
 */
export function initialTensor(
  init: Initialisation,
  seed: number,
  { name, shape }: ParameterForm,
  fanIn: number,
): NamedTensor {
  return { name, shape, values: initialValues(init, new Random([seed, 'init', name]), shape, fanIn) };
}

function initialValues(
  init: Initialisation,
  random: Random,
  shape: readonly number[],
  fanIn: number,
): Float32Array {
  const uniform = (bound: number): Float32Array =>
    Float32Array.from({ length: sizeOf(shape) }, () => (2 * random.uniform() - 1) * bound);
  if (init === 'pytorch') return uniform(1 / Math.sqrt(fanIn));
  if (shape.length === 1) return new Float32Array(sizeOf(shape));
  const fanOut = sizeOf(shape) / shape.at(-2)!;
  if (init === 'glorot') return uniform(Math.sqrt(6 / (fanIn + fanOut)));
  const fan = init === 'he-fan-out' && shape.length > 2 ? fanOut : fanIn;
  const deviation = Math.sqrt(2 / fan);
  return random.gaussians(sizeOf(shape)).map((z) => z * deviation);
}
