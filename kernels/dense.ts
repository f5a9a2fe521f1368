/**
 * What of a multilayer perceptron's loss comes after its first layer's sums, for a few rows that stay in the
 * first-level cache. AssemblyScript; `npm run kernels` compiles it.
 *
 * Rows have `width` float32, a multiple of four; widths that are not are padded.
 */

/** out = x + factor·slope. */
export function stepped(out: usize, x: usize, slope: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor);
  const end = x + ((<usize>n) << 2);
  while (x < end) {
    v128.store(out, f32x4.add(v128.load(x), f32x4.mul(f, v128.load(slope))));
    x += 16;
    slope += 16;
    out += 16;
  }
}

/** out = max(x, 0); NaN stays. */
export function relu(out: usize, x: usize, n: i32): void {
  const zero = f32x4.splat(0);
  const end = x + ((<usize>n) << 2);
  while (x < end) {
    v128.store(out, f32x4.max(v128.load(x), zero));
    x += 16;
    out += 16;
  }
}

/**
 * out [rows, width] = x [rows, into]·kernel [into, width] + bias [width]. Four rows and eight columns at once.
 * @param stride bytes from one row of x to the next
 */
export function dense(
  out: usize,
  x: usize,
  rows: i32,
  into: i32,
  stride: usize,
  kernel: usize,
  bias: usize,
  width: i32,
): void {
  const line = (<usize>width) << 2;
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    const a = x + <usize>row * stride;
    const o = out + <usize>row * line;
    let column: usize = 0;
    for (; column + 16 < line; column += 32)
      fourByEight(o + column, a, into, stride, kernel + column, bias + column, line);
    if (column < line) fourByFour(o + column, a, into, stride, kernel + column, bias + column, line);
  }
  for (; row < rows; row++)
    for (let column: usize = 0; column < line; column += 16) {
      let s = v128.load(bias + column);
      let k = kernel + column;
      let a = x + <usize>row * stride;
      const end = a + ((<usize>into) << 2);
      for (; a < end; a += 4) {
        s = f32x4.add(s, f32x4.mul(v128.load32_splat(a), v128.load(k)));
        k += line;
      }
      v128.store(out + <usize>row * line + column, s);
    }
}

function fourByEight(o: usize, x: usize, into: i32, stride: usize, k: usize, bias: usize, line: usize): void {
  let a = x;
  let b = a + stride;
  let c = b + stride;
  let d = c + stride;
  const first = v128.load(bias);
  const second = v128.load(bias, 16);
  let a0 = first;
  let a1 = second;
  let b0 = first;
  let b1 = second;
  let c0 = first;
  let c1 = second;
  let d0 = first;
  let d1 = second;
  const end = a + ((<usize>into) << 2);
  while (a < end) {
    const k0 = v128.load(k);
    const k1 = v128.load(k, 16);
    const xa = v128.load32_splat(a);
    a0 = f32x4.add(a0, f32x4.mul(xa, k0));
    a1 = f32x4.add(a1, f32x4.mul(xa, k1));
    const xb = v128.load32_splat(b);
    b0 = f32x4.add(b0, f32x4.mul(xb, k0));
    b1 = f32x4.add(b1, f32x4.mul(xb, k1));
    const xc = v128.load32_splat(c);
    c0 = f32x4.add(c0, f32x4.mul(xc, k0));
    c1 = f32x4.add(c1, f32x4.mul(xc, k1));
    const xd = v128.load32_splat(d);
    d0 = f32x4.add(d0, f32x4.mul(xd, k0));
    d1 = f32x4.add(d1, f32x4.mul(xd, k1));
    a += 4;
    b += 4;
    c += 4;
    d += 4;
    k += line;
  }
  v128.store(o, a0);
  v128.store(o, a1, 16);
  v128.store(o + line, b0);
  v128.store(o + line, b1, 16);
  v128.store(o + 2 * line, c0);
  v128.store(o + 2 * line, c1, 16);
  v128.store(o + 3 * line, d0);
  v128.store(o + 3 * line, d1, 16);
}

function fourByFour(o: usize, x: usize, into: i32, stride: usize, k: usize, bias: usize, line: usize): void {
  let a = x;
  let b = a + stride;
  let c = b + stride;
  let d = c + stride;
  let a0 = v128.load(bias);
  let b0 = a0;
  let c0 = a0;
  let d0 = a0;
  const end = a + ((<usize>into) << 2);
  while (a < end) {
    const k0 = v128.load(k);
    a0 = f32x4.add(a0, f32x4.mul(v128.load32_splat(a), k0));
    b0 = f32x4.add(b0, f32x4.mul(v128.load32_splat(b), k0));
    c0 = f32x4.add(c0, f32x4.mul(v128.load32_splat(c), k0));
    d0 = f32x4.add(d0, f32x4.mul(v128.load32_splat(d), k0));
    a += 4;
    b += 4;
    c += 4;
    d += 4;
    k += line;
  }
  v128.store(o, a0);
  v128.store(o + line, b0);
  v128.store(o + 2 * line, c0);
  v128.store(o + 3 * line, d0);
}

/**
 * Cross entropy of each row of logits in float64, (m - z_y) + log1p(Σ' exp(z - m)) with m the largest logit and Σ' over
 * the others, added to the three float64 at `sums`: losses, their squares, and rows whose first largest logit is their
 * class's. Overwrites the logits. Between `classes` and `width` they are ignored.
 * @param labels int32 of each row
 */
export function crossEntropy(
  logits: usize,
  rows: i32,
  classes: i32,
  width: i32,
  labels: usize,
  sums: usize,
): void {
  let losses = f64.load(sums);
  let squares = f64.load(sums, 8);
  let correct = f64.load(sums, 16);
  for (let row = 0; row < rows; row++) {
    const z = logits + ((<usize>(row * width)) << 2);
    let best = 0;
    let largest = f32.load(z);
    for (let c = 1; c < classes; c++) {
      const value = f32.load(z + ((<usize>c) << 2));
      if (value > largest) {
        largest = value;
        best = c;
      }
    }
    const label = i32.load(labels + ((<usize>row) << 2));
    const own = f32.load(z + ((<usize>label) << 2));
    f32.store(z + ((<usize>best) << 2), -Infinity);
    for (let c = classes; c < width; c++) f32.store(z + ((<usize>c) << 2), -Infinity);
    const m = f64x2.splat(<f64>largest);
    let others = f64x2.splat(0);
    for (let c = 0; c < width; c += 2)
      others = f64x2.add(
        others,
        exponential(f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(z + ((<usize>c) << 2))), m)),
      );
    const sum = f64x2.extract_lane(others, 0) + f64x2.extract_lane(others, 1);
    const loss = <f64>largest - <f64>own + NativeMath.log1p(sum);
    losses += loss;
    squares += loss * loss;
    if (best === label && loss >= 0) correct += 1;
  }
  f64.store(sums, losses);
  f64.store(sums, squares, 8);
  f64.store(sums, correct, 16);
}

/**
 * exp of numbers that are not positive, relative error below 1e-15; below -708 it is that of -708, 3e-308. By
 * exp(x) = 2^k·exp(r), |r| <= ln 2 / 2, and Taylor's polynomial of degree 13, whose remainder is r^14/14! < 5e-18.
 */
function exponential(x: v128): v128 {
  const bounded = f64x2.max(x, f64x2.splat(-708));
  // Adding 1.5·2^52 rounds to the nearest integer and leaves it in the lowest bits.
  const magic = f64x2.splat(6755399441055744);
  const shifted = f64x2.add(f64x2.mul(bounded, f64x2.splat(Math.LOG2E)), magic);
  const k = f64x2.sub(shifted, magic);
  const r = f64x2.sub(
    f64x2.sub(bounded, f64x2.mul(k, f64x2.splat(0.6931471803691238))),
    f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)),
  );
  let p = f64x2.splat(1.0 / 6227020800);
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 479001600));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 39916800));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 3628800));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 362880));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 40320));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 5040));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 720));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 120));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 24));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1));
  // 2^k: the integer moved into the exponent's bits.
  const power = i64x2.shl(i64x2.add(shifted, i64x2.splat(1023)), 52);
  return f64x2.mul(p, power);
}
