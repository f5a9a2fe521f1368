/** Stochastic gradient descent in one pass. AssemblyScript; `npm run kernels` compiles it. */

/**
 * A step as `src/network/sgd.ts` defines it, each operation rounded to float32.
 * @param w parameters, changed. @param buffer of the momentum, changed; 0: none. @param g gradient.
 * @param n numbers; up to three more after them are changed too.
 * @param share of the gradient in the buffer.
 * @param fresh whether the buffer begins as the gradient.
 */
export function descend(
  w: usize,
  buffer: usize,
  g: usize,
  n: i32,
  rate: f32,
  momentum: f32,
  share: f32,
  decay: f32,
  nesterov: bool,
  fresh: bool,
): void {
  const r = f32x4.splat(rate);
  const m = f32x4.splat(momentum);
  const s = f32x4.splat(share);
  const d = f32x4.splat(decay);
  const end = w + ((<usize>n) << 2);
  // The usual case without a question in its loop takes half the time.
  if (buffer !== 0 && decay !== 0 && share === 1 && !nesterov && !fresh) {
    while (w < end) {
      const old = v128.load(w);
      const step = f32x4.add(v128.load(g), f32x4.mul(old, d));
      const next = f32x4.add(f32x4.mul(v128.load(buffer), m), step);
      v128.store(buffer, next);
      v128.store(w, f32x4.sub(old, f32x4.mul(next, r)));
      w += 16;
      buffer += 16;
      g += 16;
    }
    return;
  }
  while (w < end) {
    const old = v128.load(w);
    let step = v128.load(g);
    if (decay !== 0) step = f32x4.add(step, f32x4.mul(old, d));
    if (buffer !== 0) {
      let next = step;
      if (!fresh) next = f32x4.add(f32x4.mul(v128.load(buffer), m), share === 1 ? step : f32x4.mul(step, s));
      v128.store(buffer, next);
      step = nesterov ? f32x4.add(step, f32x4.mul(next, m)) : next;
      buffer += 16;
    }
    v128.store(w, f32x4.sub(old, f32x4.mul(step, r)));
    w += 16;
    g += 16;
  }
}
