import { expect } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { drawn, type KernelCase } from './kernels.ts';

/** What an engine makes of all cases: everything is recorded before the first result is read. */
async function results(engine: string, cases: readonly KernelCase[]) {
  await tf.setBackend(engine);
  tf.engine().startScope();
  try {
    const made = cases.map(({ what, inputs, f }) => {
      const tensors = f(...inputs.map((input, i) => drawn(input, `${what} ${i}`)));
      return Array.isArray(tensors) ? tensors : [tensors];
    });
    const read = [];
    for (const tensors of made) {
      const values = [];
      for (const tensor of tensors)
        values.push({ shape: tensor.shape, dtype: tensor.dtype, values: [...(await tensor.data())] });
      read.push(values);
    }
    return read;
  } finally {
    tf.engine().endScope();
  }
}

/** Both engines' results, to 3e-6 of the largest: a few roundings of float32 in another order. */
export async function agree(cases: readonly KernelCase[]): Promise<void> {
  const [ours, reference] = [await results('onnx', cases), await results('wasm', cases)];
  const failures: string[] = [];
  cases.forEach(({ what, inputs }, c) => {
    reference[c]!.forEach((expected, r) => {
      const found = ours[c]![r]!;
      const size = Math.max(1, ...expected.values.filter(Number.isFinite).map(Math.abs));
      const same =
        String(found.shape) === String(expected.shape) &&
        found.dtype === expected.dtype &&
        expected.values.every(
          (value, i) =>
            Object.is(value, found.values[i]) || Math.abs(value - found.values[i]!) <= 3e-6 * size,
        );
      if (!same)
        failures.push(
          `${what} of ${JSON.stringify(inputs)}: ${found.dtype}[${found.shape}] ${found.values.slice(0, 6)} instead of ${expected.dtype}[${expected.shape}] ${expected.values.slice(0, 6)}`,
        );
    });
  });
  expect(failures).toEqual([]);
}
