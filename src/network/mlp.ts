import Type from 'typebox';
import { initialTensor } from './initialise.ts';
import type { MlpSpec, Network, ParameterForm } from './network.ts';

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
export function mlp(spec: MlpSpec): Network {
  const sizes = [spec.inputs, ...spec.widths, spec.classes];
  const parameters: ParameterForm[] = sizes.slice(1).flatMap((out, i) => [
    { name: `dense${i + 1}/kernel`, shape: [sizes[i]!, out] },
    { name: `dense${i + 1}/bias`, shape: [out] },
  ]);
  return {
    spec,
    parameters,
    state: [],
    forward(tf, tensors, inputs) {
      let x = inputs as ReturnType<typeof tf.tensor2d>;
      for (let i = 0; i < tensors.length; i += 2) {
        x = tf.add(tf.matMul(x, tensors[i]! as typeof x), tensors[i + 1]!);
        if (i + 2 < tensors.length) x = tf.relu(x);
      }
      return x;
    },
    initialise: (init, seed) => parameters.map((form, p) => initialTensor(init, seed, form, sizes[p >> 1]!)),
  };
}
