import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EngineName, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

/** A tensor on the host in float64. */
interface Host {
  readonly shape: number[];
  readonly values: number[];
}

const root = packageRoot();

function random(name: string, ...shape: number[]): Host {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, values: [...new Random([7, name, ...shape]).gaussians(size)] };
}

const on = ({ values, shape }: Host): tf.Tensor => tf.tensor(values, shape, 'float32');

/** Row-major strides. */
function strides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

/** Applies `f` to a and b with NumPy's broadcasting of b, of the trailing axes. */
function broadcast(a: Host, b: Host, f: (x: number, y: number) => number): Host {
  const pad = a.shape.length - b.shape.length;
  const step = strides(b.shape);
  return {
    shape: a.shape,
    values: a.values.map((x, i) => {
      let at = 0;
      strides(a.shape).forEach((stride, axis) => {
        const position = Math.floor(i / stride) % a.shape[axis]!;
        if (axis >= pad && b.shape[axis - pad] !== 1) at += position * step[axis - pad]!;
      });
      return f(x, b.values[at]!);
    }),
  };
}

function matMul(a: Host, b: Host): Host {
  const [n, k] = a.shape as [number, number];
  const m = b.shape[1]!;
  const values = Array.from({ length: n * m }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a.values[Math.floor(at / m) * k + i]! * b.values[i * m + (at % m)]!;
    return sum;
  });
  return { shape: [n, m], values };
}

function transposed({ shape, values }: Host): Host {
  const [n, m] = shape as [number, number];
  return {
    shape: [m, n],
    values: Array.from({ length: n * m }, (_, at) => values[(at % n) * m + Math.floor(at / n)]!),
  };
}

/** Reduces the rows of a matrix. */
const rows = ({ shape: [n, m], values }: Host, f: (row: number[]) => number): Host => ({
  shape: [n!],
  values: Array.from({ length: n! }, (_, row) => f(values.slice(row * m!, (row + 1) * m!))),
});

const each = (a: Host, f: (x: number) => number): Host => ({ shape: a.shape, values: a.values.map(f) });
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** An operation on the engine beside the same on the host. */
interface Case {
  readonly inputs: readonly Host[];
  readonly engine: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly host: (...inputs: Host[]) => Host;
  /** No gradient is asked for. */
  readonly flat?: boolean;
}

const shapes: readonly (readonly [number, number])[] = [
  [1, 1],
  [3, 5],
  [17, 10],
  [64, 33],
];

function cases(n: number, m: number): Record<string, Case> {
  const a = random('a', n, m);
  const b = random('b', n, m);
  const bias = random('bias', m);
  const positive = each(a, (x) => Math.abs(x) + 0.1);
  return {
    add: { inputs: [a, b], engine: tf.add, host: (x, y) => broadcast(x, y, (p, q) => p + q) },
    'add, broadcast': { inputs: [a, bias], engine: tf.add, host: (x, y) => broadcast(x, y, (p, q) => p + q) },
    sub: { inputs: [a, b], engine: tf.sub, host: (x, y) => broadcast(x, y, (p, q) => p - q) },
    mul: { inputs: [a, b], engine: tf.mul, host: (x, y) => broadcast(x, y, (p, q) => p * q) },
    'mul, broadcast': { inputs: [a, bias], engine: tf.mul, host: (x, y) => broadcast(x, y, (p, q) => p * q) },
    'mul by a number': {
      inputs: [a],
      engine: (x) => tf.mul(x, 0.005),
      host: (x) => each(x, (p) => p * 0.005),
    },
    div: { inputs: [a, positive], engine: tf.div, host: (x, y) => broadcast(x, y, (p, q) => p / q) },
    neg: { inputs: [a], engine: tf.neg, host: (x) => each(x, (p) => -p) },
    square: { inputs: [a], engine: tf.square, host: (x) => each(x, (p) => p * p) },
    sqrt: { inputs: [positive], engine: tf.sqrt, host: (x) => each(x, Math.sqrt) },
    exp: { inputs: [a], engine: tf.exp, host: (x) => each(x, Math.exp) },
    log: { inputs: [positive], engine: tf.log, host: (x) => each(x, Math.log) },
    relu: { inputs: [a], engine: tf.relu, host: (x) => each(x, (p) => Math.max(0, p)) },
    matMul: { inputs: [a, random('c', m, 7)], engine: (x, y) => tf.matMul(x, y), host: matMul },
    'matMul, first transposed': {
      inputs: [random('t', m, n), random('c', m, 7)],
      engine: (x, y) => tf.matMul(x, y, true, false),
      host: (x, y) => matMul(transposed(x), y),
    },
    'matMul, second transposed': {
      inputs: [a, random('d', 7, m)],
      engine: (x, y) => tf.matMul(x, y, false, true),
      host: (x, y) => matMul(x, transposed(y)),
    },
    transpose: { inputs: [a], engine: (x) => tf.transpose(x), host: transposed },
    reshape: { inputs: [a], engine: (x) => tf.reshape(x, [n * m]), host: (x) => ({ ...x, shape: [n * m] }) },
    'sum of all': {
      inputs: [a],
      engine: (x) => tf.sum(x),
      host: (x) => ({ shape: [], values: [sum(x.values)] }),
    },
    'sum of rows': { inputs: [a], engine: (x) => tf.sum(x, 1), host: (x) => rows(x, sum) },
    mean: {
      inputs: [a],
      engine: (x) => tf.mean(x),
      host: (x) => ({ shape: [], values: [sum(x.values) / (n * m)] }),
    },
    'largest of rows': {
      inputs: [a],
      engine: (x) => tf.max(x, 1),
      host: (x) => rows(x, (row) => Math.max(...row)),
    },
    'slice of rows': {
      inputs: [a],
      engine: (x) => tf.slice(x, [n >> 1, 0], [n - (n >> 1), m]),
      host: (x) => ({ shape: [n - (n >> 1), m], values: x.values.slice((n >> 1) * m) }),
    },
    // Without its gradient, which no wasm kernel computes: examples are gathered on the host.
    'gather of rows': {
      flat: true,
      inputs: [a],
      engine: (x) => tf.gather(x, tf.tensor1d([n - 1, 0], 'int32')),
      host: (x) => ({ shape: [2, m], values: [...x.values.slice((n - 1) * m), ...x.values.slice(0, m)] }),
    },
    concat: {
      inputs: [a, b],
      engine: (x, y) => tf.concat([x, y], 0),
      host: (x, y) => ({ shape: [2 * n, m], values: [...x.values, ...y.values] }),
    },
    'softmax cross entropy': {
      inputs: [a],
      engine: (x) => {
        const shifted = tf.sub(x, tf.max(x, 1, true));
        return tf.sub(tf.log(tf.sum(tf.exp(shifted), 1)), tf.reshape(tf.slice(shifted, [0, 0], [n, 1]), [n]));
      },
      host: (x) =>
        rows(x, (row) => {
          const largest = Math.max(...row);
          return Math.log(sum(row.map((z) => Math.exp(z - largest)))) - (row[0]! - largest);
        }),
    },
    argMax: {
      inputs: [a],
      engine: (x) => tf.argMax(x, 1),
      host: (x) => rows(x, (row) => row.indexOf(Math.max(...row))),
      flat: true,
    },
    cast: {
      inputs: [a],
      engine: (x) => tf.cast(tf.cast(tf.mul(x, 100), 'int32'), 'float32'),
      host: (x) => each(x, (p) => Math.trunc(Math.fround(Math.fround(p) * 100))),
      flat: true,
    },
  };
}

/** Weighs every element of a result differently, so that a gradient in the wrong place shows. */
const weights = (size: number): number[] => Array.from({ length: size }, (_, i) => Math.sin(i + 1));

/** Numerical gradient of the weighed sum of the host's result, by central differences in float64. */
function differences({ inputs, host }: Case, which: number): number[] {
  const total = (changed: Host): number => {
    const result = host(...inputs.map((input, i) => (i === which ? changed : input)));
    const w = weights(result.values.length);
    return sum(result.values.map((value, i) => value * w[i]!));
  };
  const { shape, values } = inputs[which]!;
  const h = 1e-6;
  return values.map((value, at) => {
    const moved = (by: number): Host => ({
      shape,
      values: values.map((v, i) => (i === at ? value + by : v)),
    });
    return (total(moved(h)) - total(moved(-h))) / (2 * h);
  });
}

function close(actual: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  const worst = expected.reduce((max, value, i) => Math.max(max, Math.abs(actual[i]! - value)), 0);
  expect(worst / size).toBeLessThan(tolerance);
}

/**
 * What an engine must do to carry the mathematics: its kernels and their first-order gradients against float64, no
 * tensor left behind, the same bits twice. Run for every engine that loads.
 */
export function engineContract(name: EngineName): void {
  describe(`engine ${name}`, () => {
    let before: number;
    beforeAll(async () => {
      await startEngine({ name, identity: engineIdentity(name, root) }, root);
      before = tf.memory().numTensors;
    });
    afterAll(() => {
      expect(tf.memory().numTensors).toBe(before);
    });

    for (const kernel of Object.keys(cases(1, 1))) {
      test(`${kernel}: values and gradients agree with float64`, async () => {
        for (const [n, m] of shapes) {
          const one = cases(n, m)[kernel]!;
          const inputs = one.inputs.map(on);
          const result = tf.tidy(() => one.engine(...inputs));
          const reference = one.host(...one.inputs);
          expect(result.shape).toEqual(reference.shape);
          close(await result.data(), reference.values, 2e-6);
          if (!one.flat && n * m < 500) {
            const gradients = tf.tidy(() =>
              tf.grads((...x: tf.Tensor[]) => {
                const y = one.engine(...x);
                return tf.sum(tf.mul(y, tf.tensor(weights(y.size), y.shape)));
              })(inputs),
            );
            for (const [i, gradient] of gradients.entries())
              close(await gradient.data(), differences(one, i), 2e-5);
            tf.dispose(gradients);
          }
          tf.dispose([inputs, result]);
        }
        expect(tf.memory().numTensors).toBe(before);
      });
    }

    test('the same computation gives the same bits twice', async () => {
      const run = async (): Promise<Float32Array> => {
        const x = on(random('x', 64, 300));
        const w = on(random('w', 300, 50));
        const [g] = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
          tf.sum(tf.exp(tf.mul(tf.relu(tf.matMul(a, b)), 0.01))),
        )([w.transpose(), x.transpose()]);
        const bits = Float32Array.from(await g!.data());
        tf.dispose([x, w, g!]);
        return bits;
      };
      const [first, second] = [await tidied(run), await tidied(run)];
      expect(Buffer.compare(Buffer.from(first.buffer), Buffer.from(second.buffer))).toBe(0);
    });

    test('rows of a product do not depend on how many there are', async () => {
      const x = random('x', 37, 300);
      const w = on(random('w', 300, 50));
      const whole = on(x);
      const part = on({ shape: [5, 300], values: x.values.slice(0, 1500) });
      const [a, b] = [tf.matMul(whole, w), tf.matMul(part, w)];
      close(await b.data(), [...(await a.data())].slice(0, 250), 1e-6);
      tf.dispose([w, whole, part, a, b]);
    });

    test('infinities and NaN pass through, and reading is asynchronous', async () => {
      const x = tf.tensor1d([Number.NaN, Number.POSITIVE_INFINITY, 1e38, -1]);
      const y = tf.mul(x, 10);
      const reading = y.data();
      expect(reading).toBeInstanceOf(Promise);
      expect([...(await reading)]).toEqual([
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        -10,
      ]);
      tf.dispose([x, y]);
    });

    test('a disposed tensor is gone', async () => {
      const x = tf.zeros([1000, 100]);
      const { numBytes } = tf.memory();
      x.dispose();
      expect(x.isDisposed).toBe(true);
      expect(tf.memory().numBytes).toBe(numBytes - 400_000);
    });
  });
}

/** Runs an asynchronous computation and disposes of all tensors that it left. */
async function tidied<T>(compute: () => Promise<T>): Promise<T> {
  tf.engine().startScope();
  try {
    return await compute();
  } finally {
    tf.engine().endScope();
  }
}
