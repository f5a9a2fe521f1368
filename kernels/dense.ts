/**
 * What of a multilayer perceptron's loss comes after its first layer's sums, for a few rows that stay in the
 * first-level cache. AssemblyScript; `npm run kernels` compiles it.
 *
 * Four rows are interleaved, so that a vector register holds the same unit of four examples: of `units` numbers a row,
 * unit u of row 4q + j is number 4(q·units + u) + j.
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

/** out = max(x + factor·slope, 0); NaN stays. */
export function rectified(out: usize, x: usize, slope: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor);
  const zero = f32x4.splat(0);
  const end = x + ((<usize>n) << 2);
  // pmax(a, b) is b where a < b, else a. Four at a time: counting takes as long as computing.
  for (const last = end - 63; x < last; x += 64) {
    v128.store(out, f32x4.pmax(f32x4.add(v128.load(x), f32x4.mul(f, v128.load(slope))), zero));
    v128.store(out, f32x4.pmax(f32x4.add(v128.load(x, 16), f32x4.mul(f, v128.load(slope, 16))), zero), 16);
    v128.store(out, f32x4.pmax(f32x4.add(v128.load(x, 32), f32x4.mul(f, v128.load(slope, 32))), zero), 32);
    v128.store(out, f32x4.pmax(f32x4.add(v128.load(x, 48), f32x4.mul(f, v128.load(slope, 48))), zero), 48);
    slope += 64;
    out += 64;
  }
  for (; x < end; x += 16) {
    v128.store(out, f32x4.pmax(f32x4.add(v128.load(x), f32x4.mul(f, v128.load(slope))), zero));
    slope += 16;
    out += 16;
  }
}

/** out = max(x, 0); NaN stays. */
export function relu(out: usize, x: usize, n: i32): void {
  const zero = f32x4.splat(0);
  const end = x + ((<usize>n) << 2);
  while (x < end) {
    v128.store(out, f32x4.pmax(v128.load(x), zero));
    x += 16;
    out += 16;
  }
}

/** out [rows, columns] = x [rows, into]·kernel [into, columns] + bias [columns], for `quads` times four rows. */
export function dense(
  out: usize,
  x: usize,
  quads: i32,
  into: i32,
  kernel: usize,
  bias: usize,
  columns: i32,
): void {
  const line = (<usize>columns) << 2;
  const width = (<usize>columns) << 4;
  const quad = (<usize>into) << 4;
  let q = 0;
  for (; q + 3 < quads; q += 4) {
    let column: usize = 0;
    for (; column + 4 < line; column += 8)
      sixteenByTwo(out + (column << 2), width, x, quad, kernel + column, bias + column, line);
    if (column < line)
      for (let j = 0; j < 4; j++)
        fourByOne(
          out + (column << 2) + <usize>j * width,
          x + <usize>j * quad,
          quad,
          kernel + column,
          bias + column,
          line,
        );
    x += quad << 2;
    out += width << 2;
  }
  for (; q < quads; q++) {
    for (let column: usize = 0; column < line; column += 4)
      fourByOne(out + (column << 2), x, quad, kernel + column, bias + column, line);
    x += quad;
    out += width;
  }
}

/**
 * Two columns of sixteen rows. Eight sums: with more V8 no longer keeps them all in registers.
 * @param width bytes from four rows' results to the next ones'. @param quad the same of x.
 */
function sixteenByTwo(
  o: usize,
  width: usize,
  x: usize,
  quad: usize,
  k: usize,
  bias: usize,
  line: usize,
): void {
  let x1 = x + quad;
  let x2 = x1 + quad;
  let x3 = x2 + quad;
  const end = x1;
  let a0 = v128.load32_splat(bias);
  let b0 = v128.load32_splat(bias, 4);
  let a1 = a0;
  let b1 = b0;
  let a2 = a0;
  let b2 = b0;
  let a3 = a0;
  let b3 = b0;
  while (x < end) {
    const r0 = v128.load(x);
    const r1 = v128.load(x1);
    const r2 = v128.load(x2);
    const r3 = v128.load(x3);
    const a = v128.load32_splat(k);
    a0 = f32x4.add(a0, f32x4.mul(r0, a));
    a1 = f32x4.add(a1, f32x4.mul(r1, a));
    a2 = f32x4.add(a2, f32x4.mul(r2, a));
    a3 = f32x4.add(a3, f32x4.mul(r3, a));
    const b = v128.load32_splat(k, 4);
    b0 = f32x4.add(b0, f32x4.mul(r0, b));
    b1 = f32x4.add(b1, f32x4.mul(r1, b));
    b2 = f32x4.add(b2, f32x4.mul(r2, b));
    b3 = f32x4.add(b3, f32x4.mul(r3, b));
    x += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
    k += line;
  }
  v128.store(o, a0);
  v128.store(o, b0, 16);
  o += width;
  v128.store(o, a1);
  v128.store(o, b1, 16);
  o += width;
  v128.store(o, a2);
  v128.store(o, b2, 16);
  o += width;
  v128.store(o, a3);
  v128.store(o, b3, 16);
}

function fourByOne(o: usize, x: usize, quad: usize, k: usize, bias: usize, line: usize): void {
  let s = v128.load32_splat(bias);
  const end = x + quad;
  while (x < end) {
    s = f32x4.add(s, f32x4.mul(v128.load(x), v128.load32_splat(k)));
    x += 16;
    k += line;
  }
  v128.store(o, s);
}

/**
 * Cross entropy of each row of logits in float64, (m - z_y) + log1p(Σ' exp(z - m)) with m the largest logit and Σ' over
 * the others, added to the three float64 at `sums`: losses, their squares, and rows whose first largest logit is their
 * class's.
 * @param labels int32 of each row; one below 0 says that there is no such row
 */
export function crossEntropy(logits: usize, quads: i32, classes: i32, labels: usize, sums: usize): void {
  let losses = f64x2.splat(0);
  let squares = f64x2.splat(0);
  let correct = 0;
  const size = (<usize>classes) << 4;
  const zero = i32x4.splat(0);
  for (let q = 0; q < quads; q++) {
    const end = logits + size;
    const label = v128.load(labels);
    // The first of the largest logits.
    let m = v128.load(logits);
    let best = zero;
    let own = m;
    for (let z = logits + 16, c = 1; z < end; z += 16, c++) {
      const other = v128.load(z);
      const class_ = i32x4.splat(c);
      const larger = f32x4.lt(m, other);
      m = v128.bitselect(other, m, larger);
      best = v128.bitselect(class_, best, larger);
      own = v128.bitselect(other, own, i32x4.eq(label, class_));
    }
    const low = f64x2.promote_low_f32x4(m);
    const high = f64x2.promote_low_f32x4(upper(m));
    let a = f64x2.splat(0);
    let b = f64x2.splat(0);
    let z = logits;
    let c = 0;
    for (; c + 1 < classes; c += 2, z += 32) {
      const first = without(v128.load(z), best, c);
      const second = without(v128.load(z, 16), best, c + 1);
      const x0 = f64x2.sub(f64x2.promote_low_f32x4(first), low);
      const y0 = f64x2.sub(f64x2.promote_low_f32x4(second), low);
      a = f64x2.add(a, exponentials(x0, y0));
      const x1 = f64x2.sub(f64x2.promote_low_f32x4(upper(first)), high);
      const y1 = f64x2.sub(f64x2.promote_low_f32x4(upper(second)), high);
      b = f64x2.add(b, exponentials(x1, y1));
    }
    if (c < classes) {
      const last = without(v128.load(z), best, c);
      const none = f64x2.splat(-Infinity);
      a = f64x2.add(a, exponentials(f64x2.sub(f64x2.promote_low_f32x4(last), low), none));
      b = f64x2.add(b, exponentials(f64x2.sub(f64x2.promote_low_f32x4(upper(last)), high), none));
    }
    const there = i32x4.ge_s(label, zero);
    const l0 = v128.and(f64x2.add(f64x2.sub(low, f64x2.promote_low_f32x4(own)), logarithm(a)), lower(there));
    const l1 = v128.and(
      f64x2.add(f64x2.sub(high, f64x2.promote_low_f32x4(upper(own))), logarithm(b)),
      higher(there),
    );
    losses = f64x2.add(losses, f64x2.add(l0, l1));
    squares = f64x2.add(squares, f64x2.add(f64x2.mul(l0, l0), f64x2.mul(l1, l1)));
    // A loss that is no number is no success.
    const known = i64x2.bitmask(f64x2.eq(l0, l0)) | (i64x2.bitmask(f64x2.eq(l1, l1)) << 2);
    correct += popcnt(i32x4.bitmask(i32x4.eq(best, label)) & known);
    logits = end;
    labels += 16;
  }
  f64.store(sums, f64.load(sums) + (f64x2.extract_lane(losses, 0) + f64x2.extract_lane(losses, 1)));
  f64.store(sums, f64.load(sums, 8) + (f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1)), 8);
  f64.store(sums, f64.load(sums, 16) + <f64>correct, 16);
}

/** Logits of a class, so low where it has the largest that its exponential is 0. */
function without(logits: v128, best: v128, class_: i32): v128 {
  const isBest = i32x4.eq(best, i32x4.splat(class_));
  return v128.bitselect(f32x4.splat(-Infinity), logits, isBest);
}

/** The first two of four truth values, each as wide as a float64. */
function lower(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 0, 0, 1, 1);
}

/** The other two. */
function higher(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 2, 2, 3, 3);
}

/** The third and the fourth number, as the first two. */
function upper(x: v128): v128 {
  return v128.shuffle<f64>(x, x, 1, 1);
}

/** Numbers that a register would have to be made of anew at each use: V8 does not keep constants, loading is cheaper. */
const numbers = memory.data<f64>([-1023 * Math.LN2, 6755399441055744 + 1023, Math.LOG2E, Math.LN2, 1]);
/** Of r^9, r^8, …, r^2: exp(r) = 1 + r + r²q(r), least in relative error for |r| <= ln 2 / 2, by Remez' algorithm. */
const exponentialTerms = memory.data<f64>([
  2.7493081673524828e-6, 2.48807943730726e-5, 0.00019841538972303183, 0.001388881117494906,
  0.008333333095241615, 0.04166666696207064, 0.1666666666726471, 0.4999999999966457,
]);
/** 1/19, 1/17, …, 1/3. */
const logarithms = memory.data<f64>([
  1.0 / 19,
  1.0 / 17,
  1.0 / 15,
  1.0 / 13,
  1.0 / 11,
  1.0 / 9,
  1.0 / 7,
  1.0 / 5,
  1.0 / 3,
]);

/**
 * exp(x) + exp(y) of numbers that are not positive, 0 for those below -708.8; of each the relative error is below 2e-13:
 * 2e-14 of the polynomial and 2^-53·|x| twice. By exp(x) = 2^k·exp(r), |r| <= ln 2 / 2. Two at a time, since each is a
 * chain in which one operation waits for the other.
 */
function exponentials(x: v128, y: v128): v128 {
  const least = v128.load64_splat(numbers);
  // Adding 1.5·2^52 rounds to the nearest integer and leaves it in the lowest bits, 1023 more there: as exponents are stored.
  const magic = v128.load64_splat(numbers, 8);
  const perUnit = v128.load64_splat(numbers, 16);
  const unit = v128.load64_splat(numbers, 24);
  x = f64x2.pmax(x, least);
  y = f64x2.pmax(y, least);
  const shiftedX = f64x2.add(f64x2.mul(x, perUnit), magic);
  const shiftedY = f64x2.add(f64x2.mul(y, perUnit), magic);
  const r = f64x2.sub(x, f64x2.mul(f64x2.sub(shiftedX, magic), unit));
  const t = f64x2.sub(y, f64x2.mul(f64x2.sub(shiftedY, magic), unit));
  let p = v128.load64_splat(exponentialTerms);
  let q = p;
  for (let at: usize = 8; at < 64; at += 8) {
    const term = v128.load64_splat(exponentialTerms + at);
    p = f64x2.add(f64x2.mul(p, r), term);
    q = f64x2.add(f64x2.mul(q, t), term);
  }
  const one = v128.load64_splat(numbers, 32);
  p = f64x2.add(f64x2.mul(f64x2.add(f64x2.mul(p, r), one), r), one);
  q = f64x2.add(f64x2.mul(f64x2.add(f64x2.mul(q, t), one), t), one);
  // The integer moved into the exponent's bits; 0 there is the number 0.
  return f64x2.add(f64x2.mul(p, i64x2.shl(shiftedX, 52)), f64x2.mul(q, i64x2.shl(shiftedY, 52)));
}

/**
 * log(1 + s) of numbers that are not negative, relative error below 1e-15. With u = 1 + s as rounded = 2^k·f,
 * f between about √½ and √2: log u = k·ln 2 + 2 atanh((f - 1)/(f + 1)), atanh by its series to the 19th power (the next term is below
 * 4e-18), and what rounding took from s comes back as (s - (u - 1))/u.
 */
function logarithm(s: v128): v128 {
  const one = v128.load64_splat(numbers, 32);
  const u = f64x2.add(s, one);
  const lost = f64x2.sub(s, f64x2.sub(u, one));
  const power = i64x2.shr_u(i64x2.sub(u, i64x2.splat(0x3fe6a09e00000000)), 52);
  const f = i64x2.sub(u, i64x2.shl(power, 52));
  // An integer below 2^52 as a float64: its bits under the exponent of 2^52.
  const k = f64x2.sub(v128.or(power, i64x2.splat(0x4330000000000000)), f64x2.splat(4503599627370496));
  const z = f64x2.div(f64x2.sub(f, one), f64x2.add(f, one));
  const w = f64x2.mul(z, z);
  let p = v128.load64_splat(logarithms);
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 8));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 16));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 24));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 32));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 40));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 48));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 56));
  p = f64x2.add(f64x2.mul(p, w), v128.load64_splat(logarithms, 64));
  p = f64x2.add(f64x2.mul(p, w), one);
  const fraction = f64x2.add(f64x2.mul(f64x2.add(z, z), p), f64x2.div(lost, u));
  return f64x2.add(f64x2.mul(k, v128.load64_splat(numbers, 24)), fraction);
}
