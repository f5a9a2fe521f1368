import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import type { RgbImage } from '../../src/dataset/image.ts';
import { packageRoot } from '../../src/util/package-root.ts';

/** `../shared/data` beside the repository. */
export const sharedData = join(dirname(packageRoot()), 'shared', 'data');

/** An image that any language makes in a line: (37x + 91y + 53c + 7xy) mod 256. */
export function pattern(width: number, height: number): RgbImage {
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) pixels[at++] = 37 * x + 91 * y + 53 * c + 7 * x * y;
  return { width, height, pixels };
}

/** Writes an image file, and the folders above it; `change` may say how it is encoded. */
export async function writeImage(
  path: string,
  { width, height, pixels }: RgbImage,
  change: (image: Sharp) => Sharp = (image) => image.png(),
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  writeFileSync(path, await change(image).toBuffer());
}

/** An image of one brightness. */
export function flat(width: number, height: number, value: number): RgbImage {
  return { width, height, pixels: new Uint8Array(3 * width * height).fill(value) };
}
