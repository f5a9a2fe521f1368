import { beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { numbers, onnxInstalled, startWatched } from '../support/watched-onnx.ts';
import { drawn } from './kernels.ts';

describe.skipIf(!onnxInstalled)('a matrix that is turned and no input decides', () => {
  const models: Buffer[] = [];
  beforeAll(async () => {
    await startWatched((bytes) => models.push(bytes));
  });

  const has = (model: Buffer, operation: string): boolean =>
    model.toString('latin1').includes(`"${String.fromCharCode(operation.length)}${operation}`);

  test('is put in order once, and multiplied from there', async () => {
    const shapes = [
      [5, 7],
      [5, 3],
    ];
    const product = (x: tf.Tensor, v: tf.Tensor): tf.Tensor[] => [tf.matMul(tf.transpose(x), v)];
    const [expected] = await numbers('wasm', shapes, (x, v) => product(x!, v!));
    await tf.setBackend('onnx');
    const [x, v] = shapes.map((shape, i) => drawn(shape, `blocks ${i}`)) as [tf.Tensor, tf.Tensor];
    const program = compile((given) => product(x, given));
    models.length = 0;
    for (let call = 0; call < 2; call++) {
      const [found] = program.call(v) as [tf.Tensor];
      const values = await found.data();
      for (const [i, exact] of expected!.entries()) expect(values[i]).toBeCloseTo(exact, 6);
      found.dispose();
    }
    expect(
      models.map((model) => [has(model, 'Transpose'), has(model, 'MatMul'), has(model, 'Gemm')]),
    ).toEqual([
      [true, false, false],
      [false, true, false],
    ]);
    program.dispose();
    tf.dispose([x, v]);
  });
});
