import { expect, test } from 'vitest';
import { Augmentation, squareShape } from '../../src/network/augmentation.ts';
import type { Examples } from '../../src/network/examples.ts';

const [height, width] = [4, 9];
const shape = { height, width, channels: 3 };
const normalisation = { mean: [0.5, 0.25, 0.125], deviation: [0.5, 0.5, 0.25] };
const black = [-1, -0.5, -0.5];
const count = 400;
/** Every pixel of every image is a number of its own. */
const examples: Examples = {
  count,
  features: 3 * height * width,
  classes: 2,
  labels: new Uint8Array(count),
  inputs: (indices) =>
    Float32Array.from(
      Array.from(indices).flatMap((n) => Array.from({ length: 108 }, (_, i) => 108 * n + i + 1)),
    ),
};
const all = Array.from({ length: count }, (_, i) => i);
const at = (spec: { crop: number; flip: boolean }, seed = 1, epoch = 1): Float32Array =>
  new Augmentation(spec, examples, seed, normalisation, shape).epoch(epoch)(all);

/** Where an image was cut out and whether it was mirrored, found by looking at every possibility. */
function placeOf(values: Float32Array, image: number, crop: number): [number, number, boolean][] {
  const found: [number, number, boolean][] = [];
  const own = values.subarray(108 * image, 108 * image + 108);
  for (let down = 0 - crop; down <= crop; down++)
    for (let right = 0 - crop; right <= crop; right++)
      for (const mirrored of [false, true]) {
        // Padded, cut, and then mirrored: written out as PyTorch's transforms do it.
        const padded = (channel: number, y: number, x: number): number =>
          y >= 0 && y < height && x >= 0 && x < width
            ? 108 * image + channel * height * width + y * width + x + 1
            : black[channel]!;
        const same = own.every((value, i) => {
          const channel = Math.floor(i / (height * width));
          const [y, x] = [Math.floor(i / width) % height, i % width];
          return value === padded(channel, y + down, (mirrored ? width - 1 - x : x) + right);
        });
        if (same) found.push([down, right, mirrored]);
      }
  return found;
}

test('images are padded with black, cut at a place and mirrored; all places and both sides are as likely', () => {
  const values = at({ crop: 2, flip: true });
  const places = all.map((image) => {
    const found = placeOf(values, image, 2);
    expect(found).toHaveLength(1);
    return found[0]!;
  });
  for (const axis of [0, 1] as const)
    for (const shift of [-2, -1, 0, 1, 2]) {
      // Binomial, 400 draws: 80 ± 8; four standard deviations.
      const times = places.filter((place) => place[axis] === shift).length;
      expect(Math.abs(times - 80)).toBeLessThan(32);
    }
  expect(Math.abs(places.filter((place) => place[2]).length - 200)).toBeLessThan(40);
});

test('the draws of an epoch depend on seed and epoch alone', () => {
  const spec = { crop: 2, flip: true };
  const first = at(spec);
  expect(at(spec)).toEqual(first);
  expect(at(spec, 2)).not.toEqual(first);
  expect(at(spec, 1, 2)).not.toEqual(first);
  // In any order, any batch, and without the epochs before.
  const augmentation = new Augmentation(spec, examples, 1, normalisation, shape);
  augmentation.epoch(7);
  const some = augmentation.epoch(1)([399, 5]);
  expect(some.subarray(0, 108)).toEqual(first.subarray(399 * 108));
  expect(some.subarray(108)).toEqual(first.subarray(5 * 108, 6 * 108));
});

test('mirroring shifts no draw of the places, nor the other way round', () => {
  const both = at({ crop: 2, flip: true });
  const cut = at({ crop: 2, flip: false });
  const mirrored = at({ crop: 0, flip: true });
  for (const image of all.slice(0, 50)) {
    const [[down, right, flip]] = placeOf(both, image, 2) as [[number, number, boolean]];
    expect(placeOf(cut, image, 2)).toEqual([[down, right, false]]);
    expect(placeOf(mirrored, image, 0)).toEqual([[0, 0, flip]]);
  }
});

test('without padding and mirroring images stay as they are', () => {
  expect(at({ crop: 0, flip: false })).toEqual(examples.inputs(all));
});

test('what is no image is refused; square ones are known by their size', () => {
  expect(() => new Augmentation({ crop: 1, flip: true }, examples, 1, normalisation, null)).toThrow(
    "the data set's 108 features are none",
  );
  expect(squareShape(108, 3)).toEqual({ height: 6, width: 6, channels: 3 });
  expect(squareShape(100, 3)).toBeNull();
});
