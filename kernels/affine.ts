/**
 * A perceptron's loss at many points whose first layer's sums are affine in the steps. AssemblyScript;
 * `npm run kernels` compiles it.
 *
 * Each function may run in several threads over one memory: a thread takes the next piece of work until none is left,
 * and what it writes lies in a place of that piece's own, so the number of threads decides no bits.
 */
import { crossEntropy, dense, rectified, relu, stepped } from './dense';

/** Features of a block: sixteen rows of them stay in the first-level cache. */
const block: i32 = 256;

/**
 * out_v = x·kernel_v + bias_v for some vectors at once, sixteen rows a piece. Sums over blocks of 256 features, each
 * begun at zero, which also keeps their rounding small.
 * @param scratch of the thread: 16 KiB.
 * @param counter int32, 0 at first.
 * @param x float32 [16·pieces, features].
 * @param weights of each vector, of each block, of each two columns: float32 [features of the block][2]; a last odd
 * column has zeros beside it.
 * @param biases float32 [vectors][columns, made even].
 * @param outs addresses of the results, rows interleaved in fours as in `dense`.
 */
export function project(
  scratch: usize,
  counter: usize,
  pieces: i32,
  x: usize,
  features: i32,
  weights: usize,
  biases: usize,
  outs: usize,
  vectors: i32,
  columns: i32,
): void {
  const even = columns + (columns & 1);
  const line = (<usize>columns) << 4;
  const stride = (<usize>features) << 2;
  for (let piece = atomic.add<i32>(counter, 1); piece < pieces; piece = atomic.add<i32>(counter, 1)) {
    const from = x + ((<usize>piece) << 4) * stride;
    for (let start = 0; start < features; start += block) {
      const size = min(block, features - start);
      for (let q: usize = 0; q < 4; q++)
        interleave(scratch + (q << 4), from + (q << 2) * stride + ((<usize>start) << 2), stride, size);
      for (let v = 0; v < vectors; v++) {
        const w = weights + ((<usize>(v * features + start) * <usize>even) << 2);
        const bias = biases + ((<usize>(v * even)) << 2);
        const out = <usize>load<u32>(outs + ((<usize>v) << 2)) + ((<usize>piece) << 2) * line;
        for (let column = 0; column < columns; column += 2)
          added(
            out + ((<usize>column) << 4),
            line,
            scratch,
            size,
            w + ((<usize>(column * size)) << 2),
            start === 0 ? bias + ((<usize>column) << 2) : 0,
            column + 1 < columns,
          );
      }
    }
  }
}

/**
 * Sums of some columns, rows interleaved in fours as in `dense`.
 * @param out float32 [quads][columns][4]. @param x float32 [4·quads][all], from the first of these columns on.
 * @returns 0 where all are finite, else NaN.
 */
export function interleaved(out: usize, x: usize, quads: i32, columns: i32, all: i32): f32 {
  const stride = (<usize>all) << 2;
  // 0·v is 0, or NaN.
  let bad = f32x4.splat(0);
  const zero = bad;
  for (let q = 0; q < quads; q++) {
    let from = x;
    let column = 0;
    for (; column + 3 < columns; column += 4) {
      const r0 = v128.load(from);
      const r1 = v128.load(from + stride);
      const r2 = v128.load(from + (stride << 1));
      const r3 = v128.load(from + 3 * stride);
      bad = f32x4.add(bad, f32x4.mul(zero, r0));
      bad = f32x4.add(bad, f32x4.mul(zero, r1));
      bad = f32x4.add(bad, f32x4.mul(zero, r2));
      bad = f32x4.add(bad, f32x4.mul(zero, r3));
      const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const b = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const c = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(out, v128.shuffle<f64>(a, b, 0, 2));
      v128.store(out, v128.shuffle<f64>(a, b, 1, 3), 16);
      v128.store(out, v128.shuffle<f64>(c, d, 0, 2), 32);
      v128.store(out, v128.shuffle<f64>(c, d, 1, 3), 48);
      from += 16;
      out += 64;
    }
    for (; column < columns; column++) {
      for (let j: usize = 0; j < 4; j++) {
        const v = f32.load(from + j * stride);
        bad = f32x4.add(bad, f32x4.mul(zero, f32x4.splat(v)));
        f32.store(out + (j << 2), v);
      }
      from += 4;
      out += 16;
    }
    x += stride << 2;
  }
  return (
    f32x4.extract_lane(bad, 0) +
    f32x4.extract_lane(bad, 1) +
    (f32x4.extract_lane(bad, 2) + f32x4.extract_lane(bad, 3))
  );
}

/** Four of sixteen rows, interleaved. */
function interleave(to: usize, row: usize, stride: usize, count: i32): void {
  const row1 = row + stride;
  const row2 = row1 + stride;
  const row3 = row2 + stride;
  for (let k: usize = 0; k < (<usize>count) << 2; k += 4) {
    f32.store(to, f32.load(row + k));
    f32.store(to, f32.load(row1 + k), 4);
    f32.store(to, f32.load(row2 + k), 8);
    f32.store(to, f32.load(row3 + k), 12);
    to += 64;
  }
}

/** Adds two columns of sixteen interleaved rows to what is there, or to a bias. Eight sums: with more V8 spills them. */
function added(o: usize, line: usize, x: usize, count: i32, k: usize, bias: usize, both: bool): void {
  const end = x + ((<usize>count) << 6);
  let a0 = f32x4.splat(0);
  let b0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let b1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let b2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let b3 = f32x4.splat(0);
  while (x < end) {
    const r0 = v128.load(x);
    const r1 = v128.load(x, 16);
    const r2 = v128.load(x, 32);
    const r3 = v128.load(x, 48);
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
    x += 64;
    k += 8;
  }
  put(o, bias, a0);
  put(o + line, bias, a1);
  put(o + (line << 1), bias, a2);
  put(o + line * 3, bias, a3);
  if (!both) return;
  o += 16;
  bias = bias === 0 ? 0 : bias + 4;
  put(o, bias, b0);
  put(o + line, bias, b1);
  put(o + (line << 1), bias, b2);
  put(o + line * 3, bias, b3);
}

function put(o: usize, bias: usize, sum: v128): void {
  v128.store(o, f32x4.add(bias === 0 ? v128.load(o) : v128.load32_splat(bias), sum));
}

/**
 * Losses at points θ + Σ by·d: of a chunk of rows after the other at all points, while they are in the cache. A point's
 * first layer's sums are base + Σ by·slope; ReLU and the later layers follow. Points that follow each other and have the
 * first of several steps in common, as those of a grid's line, take it once.
 * @param scratch of the thread: three times a chunk of the widest layer.
 * @param counter int32, 0 at first.
 * @param quads all fours of rows. @param most those of a chunk, a multiple of four.
 * @param layers after the first. @param widths int32 of the first layer and of each of them; the last is the classes'.
 * @param labels int32 of each row; one below 0 says that there is no such row.
 * @param points each with 16 bytes: number and address of its steps (a slope's address and a float32 each), address of
 * kernels and biases of the later layers, and where its logits go; 0: losses are wanted.
 * @param sums float64 [points][chunks][3], zeros at first: as `crossEntropy` adds them.
 */
export function measure(
  scratch: usize,
  counter: usize,
  chunks: i32,
  quads: i32,
  most: i32,
  layers: i32,
  widths: usize,
  base: usize,
  labels: usize,
  points: usize,
  count: i32,
  sums: usize,
): void {
  const units = load<i32>(widths);
  let widest = units;
  for (let l = 1; l <= layers; l++) widest = max(widest, load<i32>(widths + ((<usize>l) << 2)));
  const second = scratch + ((<usize>(most * widest)) << 4);
  const shared = second + ((<usize>(most * widest)) << 4);
  const classes = load<i32>(widths + ((<usize>layers) << 2));
  for (let chunk = atomic.add<i32>(counter, 1); chunk < chunks; chunk = atomic.add<i32>(counter, 1)) {
    const quad = chunk * most;
    const size = min(most, quads - quad);
    const offset = (<usize>quad * <usize>units) << 4;
    const n = (size * units) << 2;
    // What `shared` holds: base + sharedBy·sharedSlope.
    let sharedSlope: usize = 0;
    let sharedBy: f32 = 0;
    for (let p = 0; p < count; p++) {
      const point = points + ((<usize>p) << 4);
      const steps = load<i32>(point);
      let step = <usize>load<u32>(point, 4);
      let x = scratch;
      let free = second;
      let from = base + offset;
      for (let m = 1; m <= steps; m++) {
        const slope = <usize>load<u32>(step) + offset;
        const by = f32.load(step, 4);
        step += 8;
        if (m === 1 && steps > 1) {
          if (slope !== sharedSlope || by !== sharedBy) stepped(shared, from, slope, by, n);
          sharedSlope = slope;
          sharedBy = by;
          from = shared;
          continue;
        }
        // The last step and ReLU are one pass; without further layers there is no ReLU.
        if (m === steps && layers > 0) rectified(x, from, slope, by, n);
        else stepped(x, from, slope, by, n);
        from = x;
      }
      let into = units;
      let parameters = <usize>load<u32>(point, 8);
      for (let l = 1; l <= layers; l++) {
        const out = load<i32>(widths + ((<usize>l) << 2));
        const bias = parameters + ((<usize>into * <usize>out) << 2);
        if (l > 1) relu(x, x, (size * into) << 2);
        dense(free, x, size, into, parameters, bias, out);
        parameters = bias + ((<usize>out) << 2);
        into = out;
        const last = x;
        x = free;
        free = last;
      }
      const logits = <usize>load<u32>(point, 12);
      if (logits !== 0)
        memory.copy(logits + ((<usize>quad * <usize>classes) << 4), x, (<usize>size * <usize>classes) << 4);
      else {
        const own = sums + <usize>(p * chunks + chunk) * 24;
        crossEntropy(x, size, classes, labels + ((<usize>quad) << 4), own);
      }
    }
  }
}
