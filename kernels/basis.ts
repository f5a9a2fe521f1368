/**
 * Inner loops of Gram-Schmidt over float32 vectors in float64. AssemblyScript; `npm run kernels` compiles it.
 *
 * Vectors are `stride` bytes apart, padded with zeros to a multiple of four numbers; so is w. Sums are taken over tiles
 * of fixed length, one after the other, so that their order never depends on anything but the length.
 */

/** Numbers of a tile: w's (128 KiB) and four vectors' stay in the second-level cache. */
const tile: i32 = 16384;
/** Of a recombination, where all vectors' tiles should stay there. */
const narrow: i32 = 512;

function wide(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

function added(a: v128): f64 {
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
}

/** out[j] = Σ qⱼ·w for `count` vectors. */
export function along(basis: usize, stride: usize, count: i32, w: usize, n: i32, out: usize): void {
  for (let j = 0; j < count; j++) f64.store(out + ((<usize>j) << 3), 0);
  for (let start = 0; start < n; start += tile) {
    const size = min(tile, n - start);
    const q = basis + ((<usize>start) << 2);
    const x = w + ((<usize>start) << 3);
    let j = 0;
    for (; j + 3 < count; j += 4) fourAlong(q + <usize>j * stride, stride, x, size, out + ((<usize>j) << 3));
    for (; j < count; j++) {
      const o = out + ((<usize>j) << 3);
      f64.store(o, f64.load(o) + oneAlong(q + <usize>j * stride, x, size));
    }
  }
}

function fourAlong(q: usize, stride: usize, w: usize, n: i32, out: usize): void {
  let a = q;
  let b = a + stride;
  let c = b + stride;
  let d = c + stride;
  let x = w;
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  let t0 = f64x2.splat(0);
  let t1 = f64x2.splat(0);
  let t2 = f64x2.splat(0);
  let t3 = f64x2.splat(0);
  const end = a + ((<usize>n) << 2);
  while (a < end) {
    const low = v128.load(x);
    const high = v128.load(x, 16);
    s0 = f64x2.add(s0, f64x2.mul(low, wide(a)));
    t0 = f64x2.add(t0, f64x2.mul(high, wide(a + 8)));
    s1 = f64x2.add(s1, f64x2.mul(low, wide(b)));
    t1 = f64x2.add(t1, f64x2.mul(high, wide(b + 8)));
    s2 = f64x2.add(s2, f64x2.mul(low, wide(c)));
    t2 = f64x2.add(t2, f64x2.mul(high, wide(c + 8)));
    s3 = f64x2.add(s3, f64x2.mul(low, wide(d)));
    t3 = f64x2.add(t3, f64x2.mul(high, wide(d + 8)));
    a += 16;
    b += 16;
    c += 16;
    d += 16;
    x += 32;
  }
  f64.store(out, f64.load(out) + added(f64x2.add(s0, t0)));
  f64.store(out, f64.load(out, 8) + added(f64x2.add(s1, t1)), 8);
  f64.store(out, f64.load(out, 16) + added(f64x2.add(s2, t2)), 16);
  f64.store(out, f64.load(out, 24) + added(f64x2.add(s3, t3)), 24);
}

function oneAlong(q: usize, w: usize, n: i32): f64 {
  let s = f64x2.splat(0);
  let t = f64x2.splat(0);
  const end = q + ((<usize>n) << 2);
  while (q < end) {
    s = f64x2.add(s, f64x2.mul(v128.load(w), wide(q)));
    t = f64x2.add(t, f64x2.mul(v128.load(w, 16), wide(q + 8)));
    q += 16;
    w += 32;
  }
  return added(f64x2.add(s, t));
}

/** w -= Σ factorsⱼ·qⱼ. @returns Σ w² of what is left. */
export function takeAway(basis: usize, stride: usize, count: i32, factors: usize, w: usize, n: i32): f64 {
  let squares: f64 = 0;
  for (let start = 0; start < n; start += tile) {
    const size = min(tile, n - start);
    const x = w + ((<usize>start) << 3);
    addTo(basis + ((<usize>start) << 2), stride, count, factors, -1, x, size);
    squares += squared(x, size);
  }
  return squares;
}

/** Σ w². */
function squared(w: usize, n: i32): f64 {
  let s = f64x2.splat(0);
  let t = f64x2.splat(0);
  const end = w + ((<usize>n) << 3);
  while (w < end) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    s = f64x2.add(s, f64x2.mul(low, low));
    t = f64x2.add(t, f64x2.mul(high, high));
    w += 32;
  }
  return added(f64x2.add(s, t));
}

/** w += sign·Σ factorsⱼ·qⱼ. */
function addTo(q: usize, stride: usize, count: i32, factors: usize, sign: f64, w: usize, n: i32): void {
  let j = 0;
  for (; j + 3 < count; j += 4)
    fourTo(q + <usize>j * stride, stride, factors + ((<usize>j) << 3), sign, w, n);
  for (; j < count; j++) {
    const f = f64x2.splat(sign * f64.load(factors + ((<usize>j) << 3)));
    let a = q + <usize>j * stride;
    let x = w;
    const end = a + ((<usize>n) << 2);
    while (a < end) {
      v128.store(x, f64x2.add(v128.load(x), f64x2.mul(f, wide(a))));
      v128.store(x, f64x2.add(v128.load(x, 16), f64x2.mul(f, wide(a + 8))), 16);
      a += 16;
      x += 32;
    }
  }
}

function fourTo(q: usize, stride: usize, factors: usize, sign: f64, w: usize, n: i32): void {
  let a = q;
  let b = a + stride;
  let c = b + stride;
  let d = c + stride;
  const f0 = f64x2.splat(sign * f64.load(factors));
  const f1 = f64x2.splat(sign * f64.load(factors, 8));
  const f2 = f64x2.splat(sign * f64.load(factors, 16));
  const f3 = f64x2.splat(sign * f64.load(factors, 24));
  const end = a + ((<usize>n) << 2);
  while (a < end) {
    const low = f64x2.add(
      f64x2.add(f64x2.mul(f0, wide(a)), f64x2.mul(f1, wide(b))),
      f64x2.add(f64x2.mul(f2, wide(c)), f64x2.mul(f3, wide(d))),
    );
    const high = f64x2.add(
      f64x2.add(f64x2.mul(f0, wide(a + 8)), f64x2.mul(f1, wide(b + 8))),
      f64x2.add(f64x2.mul(f2, wide(c + 8)), f64x2.mul(f3, wide(d + 8))),
    );
    v128.store(w, f64x2.add(v128.load(w), low));
    v128.store(w, f64x2.add(v128.load(w, 16), high), 16);
    a += 16;
    b += 16;
    c += 16;
    d += 16;
    w += 32;
  }
}

/**
 * Replaces the first `columns` vectors q by Q·y, y's columns one after the other with `count` numbers each.
 * @param scratch `columns` times 512 float64
 */
export function recombine(
  basis: usize,
  stride: usize,
  count: i32,
  y: usize,
  columns: i32,
  n: i32,
  scratch: usize,
): void {
  for (let start = 0; start < n; start += narrow) {
    const size = min(narrow, n - start);
    const q = basis + ((<usize>start) << 2);
    memory.fill(scratch, 0, (<usize>columns * narrow) << 3);
    for (let c = 0; c < columns; c++)
      addTo(
        q,
        stride,
        count,
        y + ((<usize>(c * count)) << 3),
        1,
        scratch + ((<usize>(c * narrow)) << 3),
        size,
      );
    for (let c = 0; c < columns; c++)
      rounded(scratch + ((<usize>(c * narrow)) << 3), 1, q + <usize>c * stride, size);
  }
}

/** to = factor·w, rounded to float32. */
export function rounded(w: usize, factor: f64, to: usize, n: i32): void {
  const f = f64x2.splat(factor);
  const end = to + ((<usize>n) << 2);
  while (to < end) {
    v128.store64_lane(to, f32x4.demote_f64x2_zero(f64x2.mul(v128.load(w), f)), 0);
    v128.store64_lane(to, f32x4.demote_f64x2_zero(f64x2.mul(v128.load(w, 16), f)), 0, 8);
    to += 16;
    w += 32;
  }
}
