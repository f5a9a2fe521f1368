/**
 * PIL's bilinear filter with antialiasing, which is torchvision's definition of resizing an image (Pillow,
 * `src/libImaging/Resample.c`): a triangle as wide as the reduction, in fixed point, first along the rows and then
 * along the columns, rounded to bytes in between. Same bytes as PIL's.
 */
import type { RgbImage } from './image.ts';

const precision = 22;
const half = 1 << (precision - 1);

/** Which inputs an output is made of, and with which weights. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `width` a output, in fixed point. */
  readonly weights: Int32Array;
  readonly width: number;
}

function tapsOf(from: number, to: number): Taps {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const width = Math.ceil(stretch) * 2 + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * width);
  for (let out = 0; out < to; out++) {
    const centre = (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - stretch + 0.5));
    const count = Math.min(from, Math.trunc(centre + stretch + 0.5)) - start;
    const taps: number[] = [];
    let sum = 0;
    for (let i = 0; i < count; i++) {
      // Multiplied, not divided, as there: the last bit of a weight depends on it.
      const distance = Math.abs((i + start - centre + 0.5) * (1 / stretch));
      taps.push(distance < 1 ? 1 - distance : 0);
      sum += taps[i]!;
    }
    starts[out] = start;
    counts[out] = count;
    for (let i = 0; i < count; i++)
      weights[out * width + i] = Math.trunc(0.5 + (taps[i]! / sum) * (1 << precision));
  }
  return { starts, counts, weights, width };
}

/** An image in another size; the same one where the size is its own. */
export function resized(image: RgbImage, width: number, height: number): RgbImage {
  const wide = width === image.width ? image : alongRows(image, width);
  return height === image.height ? wide : alongColumns(wide, height);
}

function alongRows({ width, height, pixels }: RgbImage, to: number): RgbImage {
  const { starts, counts, weights, width: step } = tapsOf(width, to);
  const out = new Uint8Array(3 * to * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < to; x++) {
      let red = half;
      let green = half;
      let blue = half;
      let from = 3 * (y * width + starts[x]!);
      for (let i = x * step, end = i + counts[x]!; i < end; i++) {
        const weight = weights[i]!;
        red += weight * pixels[from++]!;
        green += weight * pixels[from++]!;
        blue += weight * pixels[from++]!;
      }
      const at = 3 * (y * to + x);
      // No weight is negative and they add up to 1: nothing to clip but the last unit of their rounding.
      out[at] = Math.min(red >> precision, 255);
      out[at + 1] = Math.min(green >> precision, 255);
      out[at + 2] = Math.min(blue >> precision, 255);
    }
  return { width: to, height, pixels: out };
}

function alongColumns({ width, height, pixels }: RgbImage, to: number): RgbImage {
  const { starts, counts, weights, width: step } = tapsOf(height, to);
  const stride = 3 * width;
  const out = new Uint8Array(stride * to);
  const sums = new Int32Array(stride);
  for (let y = 0; y < to; y++) {
    sums.fill(half);
    for (let i = 0; i < counts[y]!; i++) {
      const weight = weights[y * step + i]!;
      const from = (starts[y]! + i) * stride;
      for (let x = 0; x < stride; x++) sums[x]! += weight * pixels[from + x]!;
    }
    for (let x = 0; x < stride; x++) out[y * stride + x] = Math.min(sums[x]! >> precision, 255);
  }
  return { width, height: to, pixels: out };
}
