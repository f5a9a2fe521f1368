import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { availableEngines, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { absent, recordings } from '../../src/engine/onnx/kernels/index.ts';
import { setWasmPaths, tf } from '../../src/engine/tensorflow.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { agree } from './agree.ts';
import { as, drawn, type KernelCase } from './kernels.ts';

const root = packageRoot();
const installed = availableEngines(root).find(({ name }) => name === 'onnx')!.available;

type T4 = tf.Tensor4D;

/** Shapes that broadcast to a common one: some axes of extent 1, some left out in front. */
const broadcasting = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
    fc.array(fc.constantFrom(0, 1, 2), { minLength: 4, maxLength: 4 }),
    fc.nat(4),
    fc.boolean(),
  )
  .map(([whole, thin, cut, swap]) => {
    const a = whole.map((extent, i) => (thin[i] === 1 ? 1 : extent));
    const b = whole.map((extent, i) => (thin[i] === 2 ? 1 : extent)).slice(Math.min(cut, whole.length));
    return swap ? [b, a] : [a, b];
  });

const binary = fc
  .tuple(broadcasting, fc.constantFrom('add', 'sub', 'mul', 'maximum', 'squaredDifference', 'less' as const))
  .map(
    ([[a, b], name]): KernelCase => ({
      what: `${name} ${a} with ${b}`,
      inputs: [a!, b!],
      f: (x, y) => (tf[name as 'add'] as typeof tf.add)(x!, y!),
    }),
  );

const reduction = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.constantFrom('sum', 'mean', 'max', 'min', 'prod' as const),
    fc.boolean(),
  )
  .map(([shape, over, name, keep]): KernelCase => {
    const axes = shape.flatMap((_, axis) => (over[axis] ? [axis] : []));
    return {
      what: `${name} of ${shape} over ${axes}`,
      inputs: [shape],
      f: (x) => (tf[name as 'sum'] as typeof tf.sum)(x!, axes, keep),
    };
  });

/** A transposition, a slice of it, another shape. */
const movement = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      ),
      fc.tuple(...shape.map((extent) => fc.nat(extent - 1))),
    ),
  )
  .map(([shape, perm, begin]): KernelCase => {
    const start = perm.map((axis) => begin[axis]!);
    return {
      what: `${shape} turned ${perm} from ${start}`,
      inputs: [shape],
      f: (x) => {
        const cut = tf.slice(tf.transpose(x!, perm), start);
        return tf.reshape(
          tf.pad(
            cut,
            cut.shape.map((_, i) => [i % 2, 1] as [number, number]),
          ),
          [-1],
        );
      },
    };
  });

const product = fc
  .tuple(
    fc.constantFrom<number[][]>(
      [[], []],
      [[3], [3]],
      [[2], [1]],
      [[1], [3]],
      [
        [2, 2],
        [2, 2],
      ],
    ),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 6 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(
    ([[outer, other], m, k, n, ta, tb]): KernelCase => ({
      what: `${outer} ${m}x${k} times ${other} ${k}x${n} ${ta} ${tb}`,
      inputs: [
        [...outer!, ...(ta ? [k, m] : [m, k])],
        [...other!, ...(tb ? [n, k] : [k, n])],
      ],
      f: (a, b) => tf.matMul(a!, b!, ta, tb),
    }),
  );

/** Windows over maps, with their gradients by maps and by kernels. Dilation only where windows do not jump. */
const convolution = fc
  .record({
    examples: fc.integer({ min: 1, max: 3 }),
    rows: fc.integer({ min: 3, max: 8 }),
    columns: fc.integer({ min: 3, max: 8 }),
    channels: fc.constantFrom(1, 2, 4, 8),
    made: fc.constantFrom(1, 3, 8),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilation: fc.integer({ min: 1, max: 2 }),
    pad: fc.oneof(
      fc.constantFrom('same', 'valid'),
      fc.array(fc.nat(1), { minLength: 4, maxLength: 4 }).map(([a, b, c, d]) => [
        [0, 0],
        [a!, b!],
        [c!, d!],
        [0, 0],
      ]),
    ),
    depthwise: fc.boolean(),
  })
  .map((g): KernelCase => {
    // Where windows jump further than they reach, padding "same" makes the engine wasm give zeros: an identity holds those.
    const strides = g.strides.map((stride, i) =>
      g.pad === 'same' ? Math.min(stride, g.kernel[i]!) : stride,
    ) as [number, number];
    const plain = strides.every((stride) => stride === 1);
    const dilation = plain ? g.dilation : 1;
    // A dilated window must fit.
    const kernel = g.kernel.map((side) => (dilation > 1 ? Math.min(side, 2) : side)) as [number, number];
    const pad = g.pad as 'same';
    const depth = g.depthwise ? 2 : g.made;
    const run = (x: tf.Tensor, k: tf.Tensor): tf.Tensor =>
      (g.depthwise ? tf.depthwiseConv2d : tf.conv2d)(x as T4, k as T4, strides, pad, 'NHWC', dilation);
    return {
      what: `${g.depthwise ? 'depthwise ' : ''}${JSON.stringify(g)} by ${kernel}, strides ${strides}, dilation ${dilation}`,
      inputs: [
        [g.examples, g.rows, g.columns, g.channels],
        [...kernel, g.channels, depth],
      ],
      // The engine wasm has no gradient of a dilated convolution by its kernel, and none of depthwise ones.
      f: (x, k) =>
        dilation > 1 || g.depthwise
          ? run(x!, k!)
          : [run(x!, k!), ...tf.grads((a, b) => tf.sum(tf.square(run(a!, b!))))([x!, k!])],
    };
  });

// Skipped where onnxruntime-node, an optional dependency, is not installed.
describe.skipIf(!installed)('kernels of the engine onnx', () => {
  beforeAll(async () => {
    await startEngine({ name: 'onnx', identity: engineIdentity('onnx', root) }, root);
    setWasmPaths(`${join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist')}/`);
  });
  afterEach(async () => {
    await tf.setBackend('onnx');
  });

  /** All cases of a list are one graph, so one session. */
  test.each([
    ['two inputs that broadcast', binary, 60],
    ['reductions', reduction, 50],
    ['transpositions, slices, paddings, shapes', movement, 40],
    ['matrix products', product, 40],
    ['convolutions and their gradients', convolution, 60],
  ] as const)('agree with wasm over drawn shapes: %s', async (_, drawnCases, count) => {
    const cases = fc.sample(drawnCases as fc.Arbitrary<KernelCase>, { seed: 20261129, numRuns: count });
    expect(new Set(cases.map(({ what }) => what)).size).toBeGreaterThan(count / 2);
    await agree(cases);
  });

  test('windows that jump further than they reach see every other column', async () => {
    const [x, k] = [drawn([3, 4, 4, 4], 'jumps x') as T4, drawn([3, 1, 4, 8], 'jumps k') as T4];
    const jumped = tf.conv2d(x, k, [1, 2], 'same');
    const columns = tf.stridedSlice(x, [0, 0, 0, 0], [3, 4, 4, 4], [1, 1, 2, 1]) as T4;
    const expected = tf.conv2d(columns, k, 1, 'same');
    const [found, wanted] = [await jumped.data(), await expected.data()];
    expect(jumped.shape).toEqual(expected.shape);
    expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(1);
    for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(2e-5);
    tf.dispose([x, k, jumped, columns, expected]);
  });

  test('counting, segments, fused convolutions and the logarithm of a softmax agree with wasm', () =>
    agree([
      {
        what: 'bincount',
        inputs: [as('whole', 20), [20]],
        f: (x, w) => tf.bincount(tf.minimum(x!, tf.scalar(5, 'int32')) as tf.Tensor1D, w as tf.Tensor1D, 6),
      },
      {
        what: 'denseBincount',
        inputs: [as('whole', 20), [20]],
        f: (x, w) =>
          tf.denseBincount(tf.minimum(x!, tf.scalar(5, 'int32')) as tf.Tensor1D, w as tf.Tensor1D, 6),
      },
      { what: 'logSoftmax', inputs: [[4, 7]], f: (x) => tf.logSoftmax(tf.mul(x!, 20)) },
      ...(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const).flatMap(
        (activation) =>
          ([true, false] as const).flatMap((biased): KernelCase[] => {
            const slopes = activation === 'prelu';
            const fused = (depth: number) => (x: tf.Tensor, k: tf.Tensor, b: tf.Tensor, s: tf.Tensor) => ({
              x: x as T4,
              filter: k as T4,
              strides: [1, 2] as [number, number],
              pad: 'same' as const,
              activation,
              ...(biased && { bias: b }),
              ...(slopes && { preluActivationWeights: s }),
              ...(activation === 'leakyrelu' && { leakyreluAlpha: 0.1 }),
              depth,
            });
            const inputs = (channels: number, depth: number) => [
              [2, 5, 6, channels],
              [3, 3, channels, depth],
            ];
            return [
              {
                what: `fused conv2d ${activation} ${biased}`,
                inputs: [...inputs(4, 3), [3], [3]],
                f: (x, k, b, s) => tf.fused.conv2d(fused(3)(x!, k!, b!, s!)),
              },
              {
                what: `fused depthwise ${activation} ${biased}`,
                inputs: [...inputs(4, 1), [4], [4]],
                f: (x, k, b, s) => tf.fused.depthwiseConv2d(fused(1)(x!, k!, b!, s!)),
              },
            ];
          }),
      ),
    ]));

  test('sums of segments are those of their rows; ids below zero belong to none', async () => {
    const x = drawn([6, 3], 'segments');
    const ids = tf.tensor1d([2, 0, 2, -1, 3, 0], 'int32');
    const sums = tf.unsortedSegmentSum(x, ids, 5);
    const [given, found] = [await x.data(), await sums.data()];
    const expected = new Float32Array(15);
    [2, 0, 2, -1, 3, 0].forEach((id, row) => {
      for (let c = 0; id >= 0 && c < 3; c++) expected[3 * id + c]! += given[3 * row + c]!;
    });
    expect([...found]).toEqual([...expected]);
    tf.dispose([x, ids, sums]);
  });

  test('nothing in, nothing out, or the sum of nothing', async () => {
    const cases: readonly [string, () => tf.Tensor, number[], number[]][] = [
      ['add', () => tf.add(tf.zeros([0, 3]), tf.ones([3])), [0, 3], []],
      ['relu', () => tf.relu(tf.zeros([2, 0])), [2, 0], []],
      ['matMul with k = 0', () => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])), [2, 3], [0, 0, 0, 0, 0, 0]],
      ['matMul of no rows', () => tf.matMul(tf.zeros([0, 4]), tf.ones([4, 3])), [0, 3], []],
      [
        'conv2d of no images',
        () => tf.conv2d(tf.zeros([0, 5, 5, 2]) as T4, tf.ones([3, 3, 2, 4]) as T4, 1, 'same'),
        [0, 5, 5, 4],
        [],
      ],
      ['gather of no rows', () => tf.gather(tf.ones([4, 3]), tf.tensor1d([], 'int32')), [0, 3], []],
      ['slice of nothing', () => tf.slice(tf.ones([4, 3]), [2, 0], [0, 3]), [0, 3], []],
      ['concat of nothings', () => tf.concat([tf.zeros([0, 2]), tf.zeros([0, 2])]), [0, 2], []],
      ['the mean over no rows', () => tf.sum(tf.zeros([0, 2]), 0), [2], [0, 0]],
      ['what comes after nothing', () => tf.sum(tf.add(tf.relu(tf.zeros([0, 3])), 1)), [], [0]],
    ];
    for (const [what, f, shape, values] of cases) {
      const y = tf.tidy(f);
      expect(y.shape, what).toEqual(shape);
      expect([...(await y.data())], what).toEqual(values);
      y.dispose();
    }
  });

  /** By the definition: a sum over all labels, in float64. */
  function einsum(equation: string, shapes: number[][], values: readonly (readonly number[])[]): number[] {
    const [left, to] = equation.split('->') as [string, string];
    const from = left.split(',');
    const extents = new Map<string, number>();
    for (const [k, labels] of from.entries())
      for (const [axis, label] of [...labels].entries()) extents.set(label, shapes[k]![axis]!);
    const labels = [...extents.keys()];
    const at = (own: string, place: ReadonlyMap<string, number>): number =>
      [...own].reduce((index, label) => index * extents.get(label)! + place.get(label)!, 0);
    const result = new Array<number>([...to].reduce((n, label) => n * extents.get(label)!, 1)).fill(0);
    const total = labels.reduce((n, label) => n * extents.get(label)!, 1);
    for (let k = 0; k < total; k++) {
      let rest = k;
      const place = new Map<string, number>();
      for (const label of labels) {
        place.set(label, rest % extents.get(label)!);
        rest = Math.floor(rest / extents.get(label)!);
      }
      result[at(to, place)]! += from.reduce((p, own, i) => p * values[i]![at(own, place)]!, 1);
    }
    return result;
  }

  test.each([
    [
      'ij,jk->ik',
      [
        [3, 4],
        [4, 5],
      ],
    ],
    [
      'bhqd,bhkd->bhqk',
      [
        [2, 2, 3, 4],
        [2, 2, 5, 4],
      ],
    ],
    [
      'bqhd,bkhd->bhqk',
      [
        [2, 3, 2, 4],
        [2, 5, 2, 4],
      ],
    ],
    [
      'abc,cd->abd',
      [
        [2, 3, 4],
        [4, 5],
      ],
    ],
    ['i,j->ij', [[3], [4]]],
    [
      'bi,bi->b',
      [
        [3, 4],
        [3, 4],
      ],
    ],
    [
      'ij,kj->i',
      [
        [3, 4],
        [2, 4],
      ],
    ],
    ['bij->bji', [[2, 3, 4]]],
    ['ij->', [[3, 4]]],
  ] as [string, number[][]][])(
    'einsum %s is its definition, and so are its gradients',
    async (equation, shapes) => {
      const inputs = shapes.map((shape, i) => drawn(shape, `${equation} ${i}`));
      const values = await Promise.all(inputs.map(async (x) => [...(await x.data())]));
      const y = tf.einsum(equation, ...inputs);
      const expected = einsum(equation, shapes, values);
      const size = Math.max(...expected.map(Math.abs));
      const found = await y.data();
      for (const [i, value] of expected.entries())
        expect(Math.abs(found[i]! - value) / size).toBeLessThan(2e-6);
      // Linear in each input: by it, the derivative of Σ w·y in a direction is Σ w·y(direction).
      const w = drawn(y.shape, `${equation} w`);
      const gradients = tf.grads((...x: tf.Tensor[]) => tf.sum(tf.mul(tf.einsum(equation, ...x), w)))(inputs);
      const weights = [...(await w.data())];
      for (const [k, gradient] of gradients.entries()) {
        const direction = drawn(shapes[k]!, `${equation} direction ${k}`);
        const along = [...(await direction.data())];
        const moved = einsum(
          equation,
          shapes,
          values.map((own, i) => (i === k ? along : own)),
        );
        const whole = moved.reduce((sum, value, i) => sum + value * weights[i]!, 0);
        const own = await gradient.data();
        const byGradient = along.reduce((sum, value, i) => sum + value * own[i]!, 0);
        const scale = moved.reduce((sum, value, i) => sum + Math.abs(value * weights[i]!), 0);
        expect(Math.abs(byGradient - whole) / scale, `input ${k}`).toBeLessThan(2e-6);
        direction.dispose();
      }
      tf.dispose([inputs, y, w, gradients]);
    },
  );

  test('einsum refuses what does not fit', () => {
    const [a, b] = [tf.zeros([2, 3]), tf.zeros([4, 5])];
    expect(() => tf.einsum('ij,jk->ik', a, b)).toThrow('axis j has 3 and 4 elements');
    expect(() => tf.einsum('ii->i', b)).toThrow('each once');
    expect(() => tf.einsum('ij->k', a)).toThrow('that no input has');
    expect(() => tf.einsum('ij,jk->ik', a)).toThrow('needs 2 inputs');
    tf.dispose([a, b]);
  });

  test('local response normalisation and its gradient are their definitions', async () => {
    const [radius, bias, alpha, beta] = [2, 1.5, 0.3, 0.75];
    const x = drawn([2, 2, 2, 7], 'lrn') as T4;
    const f = (t: tf.Tensor): tf.Tensor => tf.localResponseNormalization(t as T4, radius, bias, alpha, beta);
    const host = (v: readonly number[]): number[] =>
      v.map((value, i) => {
        const [start, c] = [i - (i % 7), i % 7];
        let sum = 0;
        for (let j = Math.max(0, c - radius); j <= Math.min(6, c + radius); j++) sum += v[start + j]! ** 2;
        return value * (bias + alpha * sum) ** -beta;
      });
    const given = [...(await x.data())];
    const y = f(x);
    const found = await y.data();
    for (const [i, value] of host(given).entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(2e-6);
    const w = drawn(y.shape, 'lrn w');
    const weights = [...(await w.data())];
    const gradient = tf.grad((t: tf.Tensor) => tf.sum(tf.mul(f(t), w)))(x);
    const own = await gradient.data();
    const loss = (v: readonly number[]): number =>
      host(v).reduce((sum, value, i) => sum + value * weights[i]!, 0);
    given.forEach((_, i) => {
      const moved = (by: number): number[] => given.with(i, given[i]! + by);
      // Central differences in float64: to 1e-9; the gradient itself is float32.
      expect(Math.abs(own[i]! - (loss(moved(1e-5)) - loss(moved(-1e-5))) / 2e-5)).toBeLessThan(5e-6);
    });
    tf.dispose([x, y, w, gradient]);
  });

  test('diagonals, rows written over, sparse numbers, pictures in a mirror', async () => {
    const read = async (f: () => tf.Tensor): Promise<unknown> => {
      const y = tf.tidy(f);
      const values = await y.array();
      y.dispose();
      return values;
    };
    expect(await read(() => tf.diag(tf.tensor1d([1, Infinity, 3])))).toEqual([
      [1, 0, 0],
      [0, Infinity, 0],
      [0, 0, 3],
    ]);
    expect(await read(() => tf.reshape(tf.diag(tf.tensor2d([[1, 2]], [1, 2], 'int32')), [-1]))).toEqual([
      1, 0, 0, 2,
    ]);
    expect(
      await read(() =>
        tf.tensorScatterUpdate(
          tf.ones([4, 2]),
          tf.tensor2d([[2], [0]], [2, 1], 'int32'),
          tf.tensor2d([
            [5, 6],
            [7, 8],
          ]),
        ),
      ),
    ).toEqual([
      [7, 8],
      [1, 1],
      [5, 6],
      [1, 1],
    ]);
    expect(
      await read(() =>
        tf.sparseToDense(
          tf.tensor2d(
            [
              [0, 1],
              [2, 0],
            ],
            [2, 2],
            'int32',
          ),
          tf.tensor1d([5, 6]),
          [3, 2],
          9,
        ),
      ),
    ).toEqual([
      [9, 5],
      [9, 9],
      [6, 9],
    ]);
    expect(await read(() => tf.sparseToDense(tf.tensor1d([1, 3], 'int32'), tf.scalar(5), [4]))).toEqual([
      0, 5, 0, 5,
    ]);
    const image = tf.range(0, 12).reshape([1, 2, 3, 2]) as T4;
    expect(await read(() => tf.reshape(tf.image.flipLeftRight(image), [2, 6]))).toEqual([
      [4, 5, 2, 3, 0, 1],
      [10, 11, 8, 9, 6, 7],
    ]);
    const band = tf.linalg.bandPart(tf.ones([3, 3]), 1, 0);
    expect(await band.array()).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 1],
    ]);
    tf.dispose([image, band]);
  });

  test('every kernel of TensorFlow.js is there, or told to be missing', () => {
    const text = readFileSync(join(root, 'node_modules/@tensorflow/tfjs-core/dist/kernel_names.js'), 'utf8');
    const all = [...text.matchAll(/^export const \w+ = '(\w+)'/gm)].map(([, name]) => name!);
    expect(all.length).toBeGreaterThan(150);
    // Called by no operation of TensorFlow.js: it takes part of its value from others.
    const uncalled = ['MatrixBandPart', 'Pool'];
    const have = new Set([...recordings.keys(), 'Identity', ...absent, ...uncalled]);
    expect(all.filter((name) => !have.has(name))).toEqual([]);
    expect(absent.filter((name) => recordings.has(name))).toEqual([]);
    const documented = readFileSync(join(root, 'docs/engines.md'), 'utf8');
    expect(absent.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  });
});
