import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { source } from '../../src/kernels/bytes.ts';
import { KernelMemory } from '../../src/kernels/kernels.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

test('the compiled kernels are those of the sources (else: npm run kernels)', () => {
  const folder = join(packageRoot(), 'kernels');
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  expect(source).toBe(hash.digest('hex'));
});

test('pieces of memory are aligned, apart and zero; beyond 4 GiB it is refused in words', () => {
  const memory = new KernelMemory();
  const a = memory.allocate(100);
  const b = memory.allocate(200_000);
  expect([a % 64, b % 64, b - a]).toEqual([0, 0, 128]);
  expect(memory.bytes).toBe(128 + 200_000);
  expect(memory.float32(b, 50_000).every((x) => x === 0)).toBe(true);
  expect(() => memory.allocate(5e9)).toThrow('4.7 GiB are more than there is room for');
});

/** Numbers in a piece of memory of their own. */
function placed(memory: KernelMemory, values: ArrayLike<number>, bytes: 4 | 8): number {
  const at = memory.allocate(values.length * bytes);
  (bytes === 4 ? memory.float32(at, values.length) : memory.float64(at, values.length)).set(values);
  return at;
}

describe.each([1, 3, 4, 7])('Gram-Schmidt of %i vectors', (count) => {
  // Longer than two tiles, and not a multiple of one.
  const n = 16384 + 1040;
  const tiles = 3;
  const q = new Random([1, 'q']).gaussians(count * n);
  const w = Float64Array.from(new Random([1, 'w']).gaussians(n));
  const columns = Math.max(1, count - 1);
  const y = [...new Random([1, 'y']).gaussians(columns * count)];

  /** Everything that the kernels make, by so many threads. */
  async function made(threads: number) {
    const memory = new KernelMemory({ shared: true });
    const basis = placed(memory, q, 4);
    const at = placed(memory, w, 8);
    const partial = memory.allocate(tiles * count * 8);
    const small = memory.allocate(8 * 64);
    const counter = memory.allocate(4);
    const scratches = Array.from({ length: threads }, () => memory.allocate(columns * 512 * 4));
    await memory.share('along', scratches, counter, tiles, basis, 4 * n, count, at, n, partial);
    // Every tile was taken, and each thread that looked found that none was left.
    expect(memory.int32(counter, 1)[0]).toBeGreaterThan(tiles);
    const parts = memory.float64(partial, tiles * count).slice();
    const inner = Float64Array.from({ length: count }, (_, j) =>
      [0, 1, 2].reduce((sum, t) => sum + parts[t * count + j]!, 0),
    );
    memory.float64(small, count).set(inner);
    await memory.share('takeAway', scratches, counter, tiles, basis, 4 * n, count, small, at, n, partial);
    const left = memory.float64(at, n).slice();
    const squares = memory.float64(partial, tiles).reduce((sum, part) => sum + part, 0);
    memory.float64(small, y.length).set(y);
    const narrow = Math.ceil(n / 512);
    await memory.share('recombine', scratches, counter, narrow, basis, 4 * n, count, small, columns, n);
    const recombined = memory.float32(basis, columns * n).slice();
    memory.dispose();
    return { inner, left, squares, recombined };
  }

  test('has float64’s inner products, and takes away what they say', async () => {
    const { inner: found, left, squares } = await made(1);
    found.forEach((value, j) => {
      let exact = 0;
      for (let i = 0; i < n; i++) exact += q[j * n + i]! * w[i]!;
      // Sums of n products of size 1 in another order: n·2^-53 at the worst.
      expect(Math.abs(value - exact)).toBeLessThan(1e-11);
    });
    let exact = 0;
    let worst = 0;
    for (let i = 0; i < n; i++) {
      let rest = w[i]!;
      for (let j = 0; j < count; j++) rest -= found[j]! * q[j * n + i]!;
      worst = Math.max(worst, Math.abs(left[i]! - rest));
      exact += rest * rest;
    }
    // Coefficients of some hundreds times numbers of size 1, each to 2^-53.
    expect(worst).toBeLessThan(1e-10);
    expect(Math.abs(squares / exact - 1)).toBeLessThan(1e-12);
  });

  test('recombines vectors, rounded once', async () => {
    const { recombined: found } = await made(1);
    let worst = 0;
    for (let c = 0; c < columns; c++)
      for (let i = 0; i < n; i++) {
        let exact = 0;
        for (let j = 0; j < count; j++) exact += y[c * count + j]! * q[j * n + i]!;
        worst = Math.max(worst, Math.abs(found[c * n + i]! - exact) / Math.max(0.1, Math.abs(exact)));
      }
    // Half a unit of float32's last place, 2^-24, for numbers above 0.1.
    expect(worst).toBeLessThan(2 ** -23.9);
  });

  test('has the same bits from any number of threads', async () => {
    const one = await made(1);
    for (const threads of [2, 3, 5]) expect(await made(threads)).toEqual(one);
  });
});

describe('the end of a perceptron', () => {
  /** Rows in fours, as the kernels have them; rows that are missing in the last four hold a large number. */
  function interleaved(values: ArrayLike<number>, rows: number): Float32Array {
    const width = values.length / rows;
    const result = new Float32Array(Math.ceil(rows / 4) * 4 * width).fill(1e30);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < width; c++) result[placeOf(r, c, width)] = values[r * width + c]!;
    return result;
  }
  const placeOf = (row: number, column: number, width: number): number =>
    4 * (Math.floor(row / 4) * width + column) + (row % 4);

  test.each([
    { rows: 6, into: 8, width: 12 },
    { rows: 16, into: 5, width: 10 },
    { rows: 39, into: 3, width: 7 },
    { rows: 3, into: 5, width: 1 },
  ])('dense layers of $rows x $into x $width are sums in float32', ({ rows, into, width }) => {
    const memory = new KernelMemory();
    const random = new Random([2, 'dense']);
    const [x, kernel, bias] = [rows * into, into * width, width].map((count) => random.gaussians(count));
    const places = [interleaved(x!, rows), kernel!, bias!].map((values) => placed(memory, values, 4));
    const quads = Math.ceil(rows / 4);
    const out = memory.allocate(16 * quads * width);
    memory.run.dense(out, places[0]!, quads, into, places[1]!, places[2]!, width);
    const found = memory.float32(out, 4 * quads * width);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < width; c++) {
        let sum = bias![c]!;
        for (let k = 0; k < into; k++)
          sum = Math.fround(sum + Math.fround(x![r * into + k]! * kernel![k * width + c]!));
        expect(found[placeOf(r, c, width)]).toBe(sum);
      }
  });

  test('steps and ReLU are float32’s, and NaN stays', () => {
    const memory = new KernelMemory();
    const x = placed(memory, [1, -2, Number.NaN, 0.1, 5, 6, 7, 8], 4);
    const slope = placed(memory, [3, 1, 1, 0.3, -9, 0, 0, Number.POSITIVE_INFINITY], 4);
    const out = memory.allocate(32);
    memory.run.stepped(out, x, slope, 0.7, 8);
    const f = Math.fround;
    const stepped = [f(1 + f(f(0.7) * 3)), f(-2 + f(0.7)), Number.NaN, f(f(0.1) + f(f(0.7) * f(0.3)))];
    expect([...memory.float32(out, 4)]).toEqual(stepped);
    const both = memory.allocate(32);
    memory.run.rectified(both, x, slope, 0.7, 8);
    memory.run.relu(out, out, 8);
    const expected = [stepped[0], 0, Number.NaN, stepped[3], 0, 6, 7, Number.POSITIVE_INFINITY];
    expect([...memory.float32(out, 8)]).toEqual(expected);
    expect([...memory.float32(both, 8)]).toEqual(expected);
  });

  /** Sums over rows of logits, each with a label. */
  function crossEntropy(rows: readonly (readonly number[])[], labels: readonly number[]): Float64Array {
    const memory = new KernelMemory();
    const classes = rows[0]!.length;
    const quads = Math.ceil(rows.length / 4);
    const logits = placed(memory, interleaved(rows.flat(), rows.length), 4);
    const at = memory.allocate(16 * quads);
    memory.int32(at, 4 * quads).fill(-1);
    memory.int32(at, labels.length).set(labels);
    const sums = memory.allocate(24);
    memory.run.crossEntropy(logits, quads, classes, at, sums);
    return memory.float64(sums, 3).slice();
  }

  test('cross entropy agrees with float64 written out, tiny losses included', () => {
    const random = new Random([3, 'logits']);
    for (const classes of [2, 3, 10, 100])
      for (const scale of [0.1, 1, 30, 300]) {
        const row = [...random.gaussians(classes)].map((z) => Math.fround(scale * z));
        const best = row.indexOf(Math.max(...row));
        for (const label of [best, (best + 1) % classes]) {
          const others = row.reduce((sum, z, c) => sum + (c === best ? 0 : Math.exp(z - row[best]!)), 0);
          const exact = row[best]! - row[label]! + Math.log1p(others);
          const [loss, square, correct] = crossEntropy([row], [label]);
          // 2e-13 of the exponentials; those below exp(-708.8) = 1e-308 are 0.
          expect(Math.abs(loss! - exact)).toBeLessThan(2e-13 * exact + 1e-307);
          expect(Math.abs(square! - exact * exact)).toBeLessThan(4e-13 * exact * exact + 1e-307);
          expect(correct).toBe(label === best ? 1 : 0);
        }
      }
  });

  test('the first of equal logits counts; what is not finite gives a loss that is not', () => {
    const huge = Number.POSITIVE_INFINITY;
    expect(crossEntropy([[1, 1, 0]], [0])[2]).toBe(1);
    expect(crossEntropy([[1, 1, 0]], [1])[2]).toBe(0);
    expect([...crossEntropy([[huge, 0]], [1])]).toEqual([huge, huge, 0]);
    expect([...crossEntropy([[huge, 0]], [0])]).toEqual([Number.NaN, Number.NaN, 0]);
    expect([...crossEntropy([[0, Number.NaN]], [0])]).toEqual([Number.NaN, Number.NaN, 0]);
    expect([...crossEntropy([[Number.NaN, 0]], [0])]).toEqual([Number.NaN, Number.NaN, 0]);
    expect(crossEntropy([[3e38, -3e38]], [1])[0]).toBe(2 * Math.fround(3e38));
    expect([...crossEntropy([[0, -709]], [0])]).toEqual([0, 0, 1]);
    expect([...crossEntropy([[2, -huge, 2 - 700]], [0])]).toEqual([
      expect.closeTo(Math.exp(-700), 310),
      0,
      1,
    ]);
  });
});

describe('a first layer', () => {
  /** Sums of some vectors by threads, back in row-major order, and how far they are from float64's. */
  async function projected(rows: number, features: number, columns: number, threads: number) {
    const memory = new KernelMemory({ shared: true });
    const random = new Random([5, 'project']);
    const vectors = 2;
    const even = columns + (columns % 2);
    const x = random.gaussians(rows * features);
    const kernels = Array.from({ length: vectors }, () => random.gaussians(features * columns));
    const biases = Array.from({ length: vectors }, () => random.gaussians(columns));
    const weights = memory.allocate(4 * vectors * features * even);
    const shifts = memory.allocate(4 * vectors * even);
    kernels.forEach((kernel, v) => {
      const to = memory.float32(weights + 4 * v * features * even, features * even);
      let at = 0;
      for (let start = 0; start < features; start += 256)
        for (let column = 0; column < columns; column += 2)
          for (let k = start; k < Math.min(features, start + 256); k++, at += 2) {
            to[at] = kernel[k * columns + column]!;
            if (column + 1 < columns) to[at + 1] = kernel[k * columns + column + 1]!;
          }
      memory.float32(shifts + 4 * v * even, columns).set(biases[v]!);
    });
    const places = kernels.map(() => memory.allocate(4 * rows * columns));
    const outs = memory.allocate(4 * vectors);
    memory.int32(outs, vectors).set(places);
    const scratches = Array.from({ length: threads }, () => memory.allocate(16_384));
    const counter = memory.allocate(4);
    const at = placed(memory, x, 4);
    const pieces = rows / 16;
    await memory.share(
      'project',
      scratches,
      counter,
      pieces,
      at,
      features,
      weights,
      shifts,
      outs,
      vectors,
      columns,
    );
    // Every piece was taken, and each thread that looked found that none was left.
    expect(memory.int32(counter, 1)[0]).toBeGreaterThan(pieces);
    const found = places.map((place) => {
      const from = memory.float32(place, rows * columns);
      return Float32Array.from(from, (_, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        return from[4 * (Math.floor(row / 4) * columns + column) + (row % 4)]!;
      });
    });
    let worst = 0;
    found.forEach((sums, v) => {
      sums.forEach((value, i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        let exact = biases[v]![column]!;
        for (let k = 0; k < features; k++)
          exact += Math.fround(x[row * features + k]!) * Math.fround(kernels[v]![k * columns + column]!);
        worst = Math.max(worst, Math.abs(value - exact));
      });
    });
    memory.dispose();
    return { found, worst };
  }

  test.each([
    { rows: 16, features: 5, columns: 1 },
    { rows: 48, features: 256, columns: 6 },
    { rows: 64, features: 600, columns: 7 },
  ])(
    'of $rows x $features x $columns is float64’s to rounding, with the same bits from any number of threads',
    async ({ rows, features, columns }) => {
      const [one, ...more] = await Promise.all(
        [1, 2, 4].map((threads) => projected(rows, features, columns, threads)),
      );
      // Sums of size up to 64 are rounded by 2e-6 at each of 256 additions, in either direction.
      expect(one!.worst).toBeLessThan(1e-4);
      for (const { found } of more) expect(found).toEqual(one!.found);
    },
  );
});

describe('sums of columns, rows interleaved in fours,', () => {
  const [quads, all] = [3, 11];
  const x = Float32Array.from({ length: 4 * quads * all }, (_, i) => Math.sin(i));
  function interleaved(values: Float32Array, first: number, columns: number) {
    const memory = new KernelMemory();
    const out = memory.allocate(16 * quads * columns);
    const bad = memory.run.interleaved(out, placed(memory, values, 4) + 4 * first, quads, columns, all);
    return { bad, found: memory.float32(out, 4 * quads * columns) };
  }

  test.each([
    { first: 0, columns: 11 },
    { first: 2, columns: 8 },
    { first: 7, columns: 3 },
  ])('are $columns from column $first on', ({ first, columns }) => {
    const { bad, found } = interleaved(x, first, columns);
    expect(bad).toBe(0);
    for (let row = 0; row < 4 * quads; row++)
      for (let u = 0; u < columns; u++)
        expect(found[4 * (Math.floor(row / 4) * columns + u) + (row % 4)]).toBe(x[row * all + first + u]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'of which one is %d tell that, and columns beside them do not',
    (value) => {
      for (const column of [0, 5, 10]) {
        const spoilt = x.with(4 * all + column, value);
        expect(interleaved(spoilt, 0, 11).bad).toBeNaN();
        expect(interleaved(spoilt, column === 0 ? 1 : 0, column === 10 ? 10 : 5).bad).toBe(0);
      }
    },
  );
});

test('a kernel that fails in another thread fails here', async () => {
  const memory = new KernelMemory({ shared: true });
  const counter = memory.allocate(4);
  const scratches = [memory.allocate(64), memory.allocate(64)];
  // Rows beyond the end of the memory.
  const beyond = 3e9;
  await expect(
    memory.share('project', scratches, counter, 100, beyond, 256, beyond, beyond, counter, 1, 2),
  ).rejects.toThrow();
  memory.dispose();
});

test.each([
  { interleaved: 0, name: 'channel after channel' },
  { interleaved: 1, name: 'pixel after pixel' },
] as const)('bytes that lie $name become what a table says, channel after channel', ({ interleaved }) => {
  const memory = new KernelMemory();
  const [rows, channels, plane] = [3, 2, 5];
  const bytes = Uint8Array.from({ length: rows * channels * plane }, (_, i) => (i * 67) % 256);
  const table = Float32Array.from({ length: channels * 256 }, (_, i) => i + 0.5);
  const at = memory.allocate(bytes.length);
  memory.uint8(at, bytes.length).set(bytes);
  const out = memory.allocate(4 * bytes.length);
  memory.run.pixels(out, at, rows, channels, plane, placed(memory, table, 4), interleaved);
  const found = memory.float32(out, bytes.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < plane; p++) {
        const from = interleaved ? p * channels + c : c * plane + p;
        expect(found[(r * channels + c) * plane + p]).toBe(
          table[c * 256 + bytes[r * channels * plane + from]!],
        );
      }
});

describe.each([
  { momentum: 0, share: 1, decay: 0, nesterov: 0, fresh: 0 },
  { momentum: 0.9, share: 1, decay: 5e-4, nesterov: 0, fresh: 0 },
  { momentum: 0.9, share: 0.7, decay: 0, nesterov: 0, fresh: 1 },
  { momentum: 0.9, share: 0.7, decay: 1e-3, nesterov: 0, fresh: 0 },
  { momentum: 0.5, share: 1, decay: 5e-4, nesterov: 1, fresh: 0 },
] as const)('a step with %o', ({ momentum, share, decay, nesterov, fresh }) => {
  test('is float32’s, operation by operation', () => {
    const memory = new KernelMemory();
    const f = Math.fround;
    const n = 7;
    const [w, b, g] = ['w', 'b', 'g'].map((name) => Float32Array.from(new Random([6, name]).gaussians(n)));
    const places = [w!, b!, g!].map((values) => placed(memory, values, 4));
    const rate = f(0.1);
    const buffer = momentum === 0 ? 0 : places[1]!;
    memory.run.descend(places[0]!, buffer, places[2]!, n, rate, momentum, share, decay, nesterov, fresh);
    for (let i = 0; i < n; i++) {
      let step = g![i]!;
      if (decay !== 0) step = f(step + f(w![i]! * f(decay)));
      if (momentum !== 0) {
        const part = share === 1 ? step : f(step * f(share));
        const next = fresh ? step : f(f(b![i]! * f(momentum)) + part);
        expect(memory.float32(places[1]!, n)[i]).toBe(next);
        step = nesterov ? f(step + f(next * f(momentum))) : next;
      }
      expect(memory.float32(places[0]!, n)[i]).toBe(f(w![i]! - f(step * rate)));
    }
  });
});
