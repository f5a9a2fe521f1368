/** What is made of images before they are examples: a cut, a size, a centre. Defined as torchvision's transforms. */
import type { DatasetOptions } from './choice.ts';
import { bad } from './damage.ts';
import type { RgbImage } from './image.ts';
import { resized } from './resample.ts';

/** A side for both or one of each. */
type Size = number | readonly [number, number];

export interface View {
  readonly resize: Size | null;
  readonly crop: Size | null;
}

/** torchvision's usual preparation for evaluation. */
const usual = { resize: 256, crop: 224 } as const;

/** What the options say; `files`: whether examples are image files, which need one size. */
export function viewOf(options: DatasetOptions, files: boolean): View {
  const sizeOf = (given: DatasetOptions['resize'], fallback: number): Size | null => {
    if (given === undefined) return files ? fallback : null;
    return given === 'none' ? null : (given as Size);
  };
  return { resize: sizeOf(options.resize, usual.resize), crop: sizeOf(options.crop, usual.crop) };
}

/** Rounds a half to the even neighbour, as Python does. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A rectangle of an image. */
function cut(
  { width, pixels }: RgbImage,
  left: number,
  top: number,
  newWidth: number,
  newHeight: number,
): RgbImage {
  const out = new Uint8Array(3 * newWidth * newHeight);
  for (let y = 0; y < newHeight; y++) {
    const from = 3 * ((top + y) * width + left);
    out.set(pixels.subarray(from, from + 3 * newWidth), 3 * y * newWidth);
  }
  return { width: newWidth, height: newHeight, pixels: out };
}

/**
 * The part of an image inside a box (left, top, right, bottom), with its edges rounded as PIL's `crop` does and what
 * lies outside the image left out.
 * @throws UserError where nothing is left.
 */
export function cutBox(
  image: RgbImage,
  box: readonly [number, number, number, number],
  label: string,
): RgbImage {
  const [left, top, right, bottom] = box.map(roundHalfEven) as [number, number, number, number];
  const x = Math.max(0, left);
  const y = Math.max(0, top);
  const width = Math.min(image.width, right) - x;
  const height = Math.min(image.height, bottom) - y;
  if (width < 1 || height < 1)
    throw bad(
      `${label}: the bounding box [${box}] has nothing of the image of ${image.width} x ${image.height}`,
      { expected: 'left, top, right and bottom in pixels' },
    );
  return cut(image, x, y, width, height);
}

/**
 * Resized and cropped. `resize` of one side: the shorter one, the longer one truncated as torchvision's `Resize` does;
 * `crop`: the centre as its `CenterCrop` takes it, except that an image smaller than that is refused instead of framed
 * with black.
 */
export function viewed(image: RgbImage, { resize, crop }: View, label: string): RgbImage {
  let result = image;
  if (typeof resize === 'number') {
    const { width, height } = image;
    const short = Math.min(width, height);
    const long = Math.trunc((resize * Math.max(width, height)) / short);
    result = width <= height ? resized(image, resize, long) : resized(image, long, resize);
  } else if (resize !== null) result = resized(image, resize[1], resize[0]);
  if (crop === null) return result;
  const [height, width] = typeof crop === 'number' ? [crop, crop] : crop;
  if (width > result.width || height > result.height)
    throw bad(
      `${label}: an image of ${result.width} x ${result.height} has no centre of ${width} x ${height}`,
      { hint: 'choose a larger resize or a smaller crop' },
    );
  return cut(
    result,
    roundHalfEven((result.width - width) / 2),
    roundHalfEven((result.height - height) / 2),
    width,
    height,
  );
}

/** Channel after channel, as examples have them. */
export function planesOf({ pixels }: RgbImage): Uint8Array {
  const plane = pixels.length / 3;
  const out = new Uint8Array(pixels.length);
  for (let i = 0, from = 0; i < plane; i++) {
    out[i] = pixels[from++]!;
    out[plane + i] = pixels[from++]!;
    out[2 * plane + i] = pixels[from++]!;
  }
  return out;
}

/** The other way round. */
export function imageOfPlanes(planes: Uint8Array, width: number, height: number): RgbImage {
  const plane = width * height;
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0, to = 0; i < plane; i++) {
    pixels[to++] = planes[i]!;
    pixels[to++] = planes[plane + i]!;
    pixels[to++] = planes[2 * plane + i]!;
  }
  return { width, height, pixels };
}
