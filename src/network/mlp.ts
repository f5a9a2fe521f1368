import Type from 'typebox';
import { Random } from '../util/random.ts';
import type { Initialisation, Network, NetworkSpec, ParameterForm } from './network.ts';
import { sizeOf } from './tensors.ts';

export const mlpSchema = Type.Object(
  {
    name: Type.Literal('mlp'),
    widths: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 65536 }), {
        maxItems: 64,
        description:
          'Units of the hidden layers, from input to output (default [128]; [] is a linear classifier).',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * A multilayer perceptron: dense layers with ReLU between them. Layer i has `dense<i>/kernel` [in, out] and
 * `dense<i>/bias` [out]; with 3,072 inputs, one hidden layer of 128 and 10 classes, d = 394,634.
 */
export function mlp(spec: NetworkSpec): Network {
  const sizes = [spec.inputs, ...spec.widths, spec.classes];
  const parameters: ParameterForm[] = sizes.slice(1).flatMap((out, i) => [
    { name: `dense${i + 1}/kernel`, shape: [sizes[i]!, out] },
    { name: `dense${i + 1}/bias`, shape: [out] },
  ]);
  return {
    spec,
    parameters,
    forward(tf, tensors, inputs) {
      let x = inputs as ReturnType<typeof tf.tensor2d>;
      for (let i = 0; i < tensors.length; i += 2) {
        x = tf.add(tf.matMul(x, tensors[i]! as typeof x), tensors[i + 1]!);
        if (i + 2 < tensors.length) x = tf.relu(x);
      }
      return x;
    },
    initialise: (init, seed) =>
      parameters.map(({ name, shape }, p) => ({
        name,
        shape,
        values: initialValues(init, new Random([seed, 'init', name]), shape, sizes[p >> 1]!),
      })),
  };
}

/**
 * - `pytorch`: kernels and biases uniform in ±1/√fan-in, what nn.Linear does;
 * - `he`: kernels normal with variance 2/fan-in (He et al. 2015), biases 0;
 * - `glorot`: kernels uniform in ±√(6/(fan-in + fan-out)) (Glorot and Bengio 2010), biases 0.
 */
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
  if (init === 'glorot') return uniform(Math.sqrt(6 / (fanIn + shape[1]!)));
  const deviation = Math.sqrt(2 / fanIn);
  return random.gaussians(sizeOf(shape)).map((z) => z * deviation);
}
