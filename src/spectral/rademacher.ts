import { Random } from '../util/random.ts';

/** Independent signs over √n: a unit vector. The stream of a seed and a number. */
export function rademacher(seed: number, probe: number, n: number): Float32Array {
  const random = new Random([seed, 'rademacher', probe]);
  const unit = 1 / Math.sqrt(n);
  const vector = new Float32Array(n);
  for (let i = 0; i < n; i += 32) {
    const word = random.uint32();
    for (let bit = 0; bit < 32 && i + bit < n; bit++) vector[i + bit] = (word >>> bit) & 1 ? unit : -unit;
  }
  return vector;
}
