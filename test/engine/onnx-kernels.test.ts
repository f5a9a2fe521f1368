import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { availableEngines, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { setWasmPaths, tf } from '../../src/engine/tensorflow.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { agree } from './agree.ts';
import {
  drawn,
  elementwise,
  geometries,
  type KernelCase,
  movements,
  products,
  reductions,
} from './kernels.ts';

const root = packageRoot();
const installed = availableEngines(root).find(({ name }) => name === 'onnx')!.available;

// Skipped where onnxruntime-node, an optional dependency, is not installed.
describe.skipIf(!installed)('each kernel of the engine onnx agrees with that of wasm', () => {
  beforeAll(async () => {
    await startEngine({ name: 'onnx', identity: engineIdentity('onnx', root) }, root);
    setWasmPaths(`${join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist')}/`);
  });
  afterEach(async () => {
    await tf.setBackend('onnx');
  });

  test('element by element, with broadcasting', () => agree(elementwise));
  test('reductions, sums along an axis, the largest', () => agree(reductions));
  test('moving numbers', () => agree(movements));
  test('matrix products', () => agree(products));

  test('convolutions and pooling of every geometry', () =>
    agree(
      geometries
        .flatMap(({ side, kernel, strides, pad, dilations = [1, 1] as [number, number] }) => {
          const maps = [2, ...side, 4];
          const what = `${side} by ${kernel}, strides ${strides}, pad ${pad}, dilations ${dilations}`;
          const own = dilations[0] === 1;
          return [
            {
              what: `conv2d ${what}`,
              inputs: [maps, [...kernel, 4, 3]],
              f: (x, k) => tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, strides, pad, 'NHWC', dilations),
            },
            {
              what: `depthwise ${what}`,
              inputs: [maps, [...kernel, 4, 2]],
              f: (x, k) =>
                tf.depthwiseConv2d(x as tf.Tensor4D, k as tf.Tensor4D, strides, pad, 'NHWC', dilations),
            },
            {
              what: `fused ${what}`,
              inputs: [maps, [...kernel, 4, 3], [3]],
              f: (x, filter, bias) =>
                tf.fused.conv2d({
                  x: x as tf.Tensor4D,
                  filter: filter as tf.Tensor4D,
                  strides,
                  pad,
                  dilations,
                  bias: bias!,
                  activation: 'relu',
                }),
            },
            ...(own
              ? [
                  {
                    what: `avgPool ${what}`,
                    inputs: [maps],
                    f: (x: tf.Tensor) =>
                      tf.avgPool(x as tf.Tensor4D, [kernel[0], kernel[1]], strides, pad as 'same'),
                  },
                  {
                    what: `maxPool ${what}`,
                    inputs: [maps],
                    f: (x: tf.Tensor) =>
                      tf.maxPool(x as tf.Tensor4D, [kernel[0], kernel[1]], strides, pad as 'same'),
                  },
                ]
              : []),
          ] satisfies KernelCase[];
        })
        .filter(({ what }) => !(what.includes('Pool') && what.includes('pad 0,'))),
    ));

  test('batch norm', () =>
    agree([
      {
        what: 'batchNorm',
        inputs: [[2, 3, 4, 5], [5], { shape: [5], kind: 'positive' }, [5], [5]],
        f: (x, mean, variance, offset, scale) =>
          tf.batchNorm(x!, mean as never, variance as never, offset as never, scale as never, 1e-5),
      },
    ]));

  /**
   * The gradients of a bilinear operation by their defining identity, in float64 from float32 results: with random y',
   * Σ y'·B(x, k) = Σ x·∂x = Σ k·∂k.
   */
  test('gradients of convolutions by maps and by kernels are their adjoints', async () => {
    await tf.setBackend('onnx');
    for (const { side, kernel, strides, pad, dilations = [1, 1] as [number, number] } of geometries)
      for (const depthwise of [false, true]) {
        const what = `${side} ${kernel} ${strides} ${pad} ${depthwise}`;
        const x = drawn([2, ...side, 4], `${what} x`) as tf.Tensor4D;
        const k = drawn([...kernel, 4, depthwise ? 2 : 3], `${what} k`) as tf.Tensor4D;
        const run = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
          depthwise
            ? tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad, 'NHWC', dilations)
            : tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, strides, pad, 'NHWC', dilations);
        const y = run(x, k);
        const dy = drawn(y.shape, `${what} dy`);
        const info = { strides, pad, dataFormat: 'NHWC', dilations };
        const names = depthwise
          ? ['DepthwiseConv2dNativeBackpropInput', 'DepthwiseConv2dNativeBackpropFilter']
          : ['Conv2DBackpropInput', 'Conv2DBackpropFilter'];
        const engine = tf.engine();
        const dx = engine.runKernel(
          names[0]!,
          { dy, filter: k },
          { ...info, inputShape: x.shape },
        ) as tf.Tensor;
        const dk = engine.runKernel(names[1]!, { x, dy }, {
          ...info,
          filterShape: k.shape,
        } as never) as tf.Tensor;
        const [whole, byMaps, byKernel] = [await dot(y, dy), await dot(x, dx), await dot(k, dk)];
        const size = Math.sqrt((await dot(y, y)) * (await dot(dy, dy)));
        expect(Math.abs(byMaps - whole) / size, `${what}: by maps`).toBeLessThan(1e-6);
        expect(Math.abs(byKernel - whole) / size, `${what}: by kernel`).toBeLessThan(1e-6);
        tf.dispose([x, k, y, dy, dx, dk]);
      }
  });

  /** Larger, smaller, a single pixel; corners on corners, half pixels, neither. */
  const sizes = [
    { from: [5, 7], to: [11, 9] },
    { from: [8, 6], to: [3, 4] },
    { from: [4, 3], to: [1, 1] },
    { from: [1, 1], to: [3, 2] },
  ] as const;
  const centres = [
    [false, false],
    [true, false],
    [false, true],
  ] as const;
  const resizings = sizes.flatMap(({ from, to }) =>
    centres.flatMap(([corners, half]) =>
      (['resizeBilinear', 'resizeNearestNeighbor'] as const).map((name) => ({
        what: `${name} ${from} to ${to}, ${corners ? 'corners' : half ? 'half pixels' : 'plain'}`,
        inputs: [[2, ...from, 3]],
        f: (x: tf.Tensor) => tf.image[name](x as tf.Tensor4D, [to[0], to[1]], corners, half),
      })),
    ),
  );

  test('images of another size', () => agree(resizings));

  test('gradients of images of another size are their adjoints', async () => {
    await tf.setBackend('onnx');
    for (const { what, inputs, f } of resizings) {
      const x = drawn(inputs[0]!, `${what} x`);
      const y = f(x);
      const dy = drawn(y.shape, `${what} dy`);
      const dx = tf.grad((a: tf.Tensor) => tf.sum(tf.mul(f(a), dy)))(x);
      const [whole, back] = [await dot(y, dy), await dot(x, dx)];
      const size = Math.sqrt((await dot(y, y)) * (await dot(dy, dy)));
      expect(Math.abs(back - whole) / size, what).toBeLessThan(1e-6);
      tf.dispose([x, y, dy, dx]);
    }
  });

  test('profiling and timing leave results as they are', async () => {
    await tf.setBackend('onnx');
    const x = drawn([6, 5], 'profiled');
    const f = (): tf.Tensor => tf.tidy(() => tf.sum(tf.square(tf.matMul(x, x, true))));
    const [plain, timed] = [f(), await tf.time(() => void f().dispose())];
    const { kernels, peakBytes, result } = await tf.profile(f);
    expect(kernels.map(({ name }) => name)).toEqual(['BatchMatMul', 'Square', 'Sum']);
    expect(peakBytes - 4 * x.size).toBeGreaterThanOrEqual(2 * 25 * 4);
    expect(timed.kernelMs).toBeGreaterThanOrEqual(0);
    expect([...(await (result as tf.Tensor).data())]).toEqual([...(await plain.data())]);
    tf.dispose([x, plain, result as tf.Tensor]);
  });

  /** Where wasm is not: it computes log(1 + x) as written and casts 3 to true as 3. */
  test('small numbers keep their digits, and truth is 0 or 1', async () => {
    await tf.setBackend('onnx');
    const given = Float32Array.from([-3e-1, -2e-4, 1e-9, 3e-7, 1e-3, 0.4, 20, Infinity]);
    const x = tf.tensor1d(given);
    const [log, exp] = [tf.log1p(x), tf.expm1(x)];
    const truth = tf.cast(tf.tensor1d([3, 0, -2], 'int32'), 'bool');
    const relative = (found: number, exact: number) => (found === exact ? 0 : Math.abs(found / exact - 1));
    for (const [i, value] of (await log.data()).entries())
      expect(relative(value, Math.log1p(given[i]!))).toBeLessThan(1e-6);
    for (const [i, value] of (await exp.data()).entries())
      expect(relative(value, Math.expm1(given[i]!))).toBeLessThan(1e-6);
    expect([...(await truth.data())]).toEqual([1, 0, 1]);
    tf.dispose([x, log, exp, truth]);
  });

  test('a gather in batches takes each batch’s own rows', async () => {
    await tf.setBackend('onnx');
    const x = tf.range(0, 30).reshape([3, 5, 2]);
    const indices = tf.tensor2d([4, 0, 2, 2, 1, 3], [3, 2], 'int32');
    const picked = tf.gather(x, indices, 1, 1);
    expect([...(await picked.data())]).toEqual([8, 9, 0, 1, 14, 15, 14, 15, 22, 23, 26, 27]);
    tf.dispose([x, indices, picked]);
  });

  test('shapes that do not fit are refused where the operation is called, not where it is computed', () => {
    const of = (...shape: number[]): tf.Tensor => tf.zeros(shape);
    const mistakes: readonly (readonly [() => tf.Tensor, RegExp])[] = [
      [() => tf.matMul(of(4, 2), of(3, 2)), /matMul of \[4,2\] and \[3,2\]: 2 and 3 should be equal/],
      [() => tf.matMul(of(4, 2), of(3, 4), false, true), /2 and 4 should be equal/],
      [() => tf.matMul(of(5, 4, 2), of(3, 2, 4)), /broadcast/],
      [() => tf.slice(of(4, 2), [3, 0], [2, 2]), /slice2D/],
      [() => tf.concat([of(4, 2), of(3, 3)], 0), /concat2D/],
      [() => tf.stack([of(4), of(3)]), /stack/],
      [() => tf.batchNorm(of(4, 2), of(3), of(3)), /broadcast/],
    ];
    for (const [attempt, message] of mistakes) expect(() => tf.tidy(attempt)).toThrow(message);
  });

  test('a missing kernel is named', async () => {
    await tf.setBackend('onnx');
    const x = tf.zeros([2, 3, 3, 3, 4]) as tf.Tensor5D;
    expect(() => tf.avgPool3d(x, 2, 1, 'valid')).toThrow(
      new UserError({
        severity: 'error',
        code: 'unsupported-by-engine',
        message: 'the engine "onnx" has no kernel AvgPool3D',
      }).message,
    );
    x.dispose();
  });
});

async function dot(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  const [x, y] = [await a.data(), await b.data()];
  return Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0);
}
