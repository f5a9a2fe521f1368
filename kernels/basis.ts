/**
 * Inner loops of Gram-Schmidt over float32 vectors in float64. AssemblyScript; `npm run kernels` compiles it.
 *
 * Vectors are `stride` bytes apart, padded with zeros to a multiple of four numbers; so is w. Each function but the last two
 * may run in several threads over one memory: a thread takes the next tile of fixed length until none is left. What it
 * writes lies in a place of that tile's own, and sums over tiles are the caller's, so that their order depends on nothing
 * but the length. `counter` is an int32, 0 at first; a scratch is the thread's own.
 */

/** Numbers of a tile: w's (64 KiB) and four vectors' stay in the second-level cache. */
const tile: i32 = 8192;
/** Of a recombination, where all vectors' tiles should stay there. */
const narrow: i32 = 512;

function wide(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

function added(a: v128): f64 {
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
}

/** partial[t][j] = Σ qⱼ·w over tile t, for `count` vectors. */
export function along(
  _scratch: usize,
  counter: usize,
  tiles: i32,
  basis: usize,
  stride: usize,
  count: i32,
  w: usize,
  n: i32,
  partial: usize,
): void {
  for (let t = atomic.add<i32>(counter, 1); t < tiles; t = atomic.add<i32>(counter, 1)) {
    const start = t * tile;
    const size = min(tile, n - start);
    const q = basis + ((<usize>start) << 2);
    const x = w + ((<usize>start) << 3);
    const out = partial + ((<usize>(t * count)) << 3);
    let j = 0;
    for (; j + 3 < count; j += 4) fourAlong(q + <usize>j * stride, stride, x, size, out + ((<usize>j) << 3));
    for (; j < count; j++) f64.store(out + ((<usize>j) << 3), oneAlong(q + <usize>j * stride, x, size));
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
  f64.store(out, added(f64x2.add(s0, t0)));
  f64.store(out, added(f64x2.add(s1, t1)), 8);
  f64.store(out, added(f64x2.add(s2, t2)), 16);
  f64.store(out, added(f64x2.add(s3, t3)), 24);
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

/** w -= Σ factorsⱼ·qⱼ; partial[t] = Σ w² of what is left of tile t. */
export function takeAway(
  _scratch: usize,
  counter: usize,
  tiles: i32,
  basis: usize,
  stride: usize,
  count: i32,
  factors: usize,
  w: usize,
  n: i32,
  partial: usize,
): void {
  for (let t = atomic.add<i32>(counter, 1); t < tiles; t = atomic.add<i32>(counter, 1)) {
    const start = t * tile;
    const size = min(tile, n - start);
    const x = w + ((<usize>start) << 3);
    takeFrom(basis + ((<usize>start) << 2), stride, count, factors, x, size);
    f64.store(partial + ((<usize>t) << 3), squared(x, size));
  }
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

/** w -= Σ factorsⱼ·qⱼ. */
function takeFrom(q: usize, stride: usize, count: i32, factors: usize, w: usize, n: i32): void {
  let j = 0;
  for (; j + 3 < count; j += 4) takeFour(q + <usize>j * stride, stride, factors + ((<usize>j) << 3), w, n);
  for (; j < count; j++) {
    const f = f64x2.splat(f64.load(factors + ((<usize>j) << 3)));
    let a = q + <usize>j * stride;
    let x = w;
    const end = a + ((<usize>n) << 2);
    while (a < end) {
      v128.store(x, f64x2.sub(v128.load(x), f64x2.mul(f, wide(a))));
      v128.store(x, f64x2.sub(v128.load(x, 16), f64x2.mul(f, wide(a + 8))), 16);
      a += 16;
      x += 32;
    }
  }
}

function takeFour(q: usize, stride: usize, factors: usize, w: usize, n: i32): void {
  let a = q;
  let b = a + stride;
  let c = b + stride;
  let d = c + stride;
  const f0 = f64x2.splat(f64.load(factors));
  const f1 = f64x2.splat(f64.load(factors, 8));
  const f2 = f64x2.splat(f64.load(factors, 16));
  const f3 = f64x2.splat(f64.load(factors, 24));
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
    v128.store(w, f64x2.sub(v128.load(w), low));
    v128.store(w, f64x2.sub(v128.load(w, 16), high), 16);
    a += 16;
    b += 16;
    c += 16;
    d += 16;
    w += 32;
  }
}

/**
 * Replaces the first `columns` vectors q by Q·y, y's columns one after the other with `count` numbers each. Its tiles have
 * 512 numbers.
 * @param scratch of the thread: `columns` times 512 float32.
 */
export function recombine(
  scratch: usize,
  counter: usize,
  tiles: i32,
  basis: usize,
  stride: usize,
  count: i32,
  y: usize,
  columns: i32,
  n: i32,
): void {
  for (let t = atomic.add<i32>(counter, 1); t < tiles; t = atomic.add<i32>(counter, 1)) {
    const start = t * narrow;
    const size = min(narrow, n - start);
    const bytes = (<usize>size) << 2;
    const q = basis + ((<usize>start) << 2);
    const line = (<usize>count) << 3;
    for (let at: usize = 0; at < bytes; at += 16) {
      let c = 0;
      for (; c + 3 < columns; c += 4)
        fourMade(q + at, stride, count, y + <usize>c * line, scratch + <usize>c * bytes + at, bytes);
      for (; c < columns; c++)
        v128.store(scratch + <usize>c * bytes + at, oneMade(q + at, stride, count, y + <usize>c * line));
    }
    for (let c = 0; c < columns; c++) memory.copy(q + <usize>c * stride, scratch + <usize>c * bytes, bytes);
  }
}

/** Four numbers of four new vectors: their sums stay in registers. */
function fourMade(q: usize, stride: usize, count: i32, y: usize, out: usize, line: usize): void {
  const y1 = y + ((<usize>count) << 3);
  const y2 = y1 + ((<usize>count) << 3);
  const y3 = y2 + ((<usize>count) << 3);
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  let t0 = f64x2.splat(0);
  let t1 = f64x2.splat(0);
  let t2 = f64x2.splat(0);
  let t3 = f64x2.splat(0);
  for (let k: usize = 0; k < (<usize>count) << 3; k += 8) {
    const low = wide(q);
    const high = wide(q + 8);
    const f0 = v128.load64_splat(y + k);
    s0 = f64x2.add(s0, f64x2.mul(f0, low));
    t0 = f64x2.add(t0, f64x2.mul(f0, high));
    const f1 = v128.load64_splat(y1 + k);
    s1 = f64x2.add(s1, f64x2.mul(f1, low));
    t1 = f64x2.add(t1, f64x2.mul(f1, high));
    const f2 = v128.load64_splat(y2 + k);
    s2 = f64x2.add(s2, f64x2.mul(f2, low));
    t2 = f64x2.add(t2, f64x2.mul(f2, high));
    const f3 = v128.load64_splat(y3 + k);
    s3 = f64x2.add(s3, f64x2.mul(f3, low));
    t3 = f64x2.add(t3, f64x2.mul(f3, high));
    q += stride;
  }
  v128.store(out, narrowed(s0, t0));
  v128.store(out + line, narrowed(s1, t1));
  v128.store(out + (line << 1), narrowed(s2, t2));
  v128.store(out + line * 3, narrowed(s3, t3));
}

function oneMade(q: usize, stride: usize, count: i32, y: usize): v128 {
  let s = f64x2.splat(0);
  let t = f64x2.splat(0);
  const end = y + ((<usize>count) << 3);
  while (y < end) {
    const f = v128.load64_splat(y);
    s = f64x2.add(s, f64x2.mul(f, wide(q)));
    t = f64x2.add(t, f64x2.mul(f, wide(q + 8)));
    q += stride;
    y += 8;
  }
  return narrowed(s, t);
}

/** Four numbers in float32. */
function narrowed(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}

/** to = from, in float64. @param n a multiple of four. */
export function widened(from: usize, to: usize, n: i32): void {
  const end = from + ((<usize>n) << 2);
  while (from < end) {
    v128.store(to, wide(from));
    v128.store(to, wide(from + 8), 16);
    from += 16;
    to += 32;
  }
}

/** to = factor·w, rounded to float32. */
export function rounded(w: usize, factor: f64, to: usize, n: i32): void {
  const f = f64x2.splat(factor);
  const end = to + ((<usize>n) << 2);
  while (to < end) {
    v128.store(to, narrowed(f64x2.mul(v128.load(w), f), f64x2.mul(v128.load(w, 16), f)));
    to += 16;
    w += 32;
  }
}
