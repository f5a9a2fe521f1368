import { UserError } from '../diagnostics/diagnostic.ts';
import { Random } from '../util/random.ts';
import type { Examples } from './examples.ts';

export interface AugmentationSpec {
  /** Pixels of black on every side, out of which the image's own size is cut at a random place. */
  readonly crop: number;
  /** Mirrored left to right, one time in two. */
  readonly flip: boolean;
}

/** Of images whose channels lie one after the other. */
export interface PlaneShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * The shape of square images, one plane for each of some channels.
 * @returns null where so many features are none.
 */
export function squareShape(features: number, channels: number): PlaneShape | null {
  const side = Math.sqrt(features / channels);
  return Number.isInteger(side) && side > 0 ? { height: side, width: side, channels } : null;
}

export function notImages(features: number): UserError {
  return new UserError({
    severity: 'error',
    code: 'not-images',
    message: `augmentation crops and mirrors images; the data set's ${features} features are none`,
    hint: 'leave out "augment"',
  });
}

/**
 * Training images as each epoch sees them: PyTorch's RandomCrop(size, padding) and then RandomHorizontalFlip. What
 * happens to an image in an epoch is drawn from streams of the seed's own, `crop` and `flip`, in the order of the data
 * set: it depends neither on the shuffle nor on the batches nor on the other of the two, and any epoch can be drawn
 * without those before it.
 */
export class Augmentation {
  readonly #spec: AugmentationSpec;
  readonly #examples: Examples;
  readonly #seed: number;
  /** One of each channel: what black is after normalisation. */
  readonly #black: readonly number[];
  readonly #shape: PlaneShape;

  /**
   * @param shape of the images; null where the examples are none.
   * @throws UserError where they are none.
   */
  constructor(
    spec: AugmentationSpec,
    examples: Examples,
    seed: number,
    { mean, deviation }: { readonly mean: readonly number[]; readonly deviation: readonly number[] },
    shape: PlaneShape | null,
  ) {
    if (!shape) throw notImages(examples.features);
    this.#spec = spec;
    this.#examples = examples;
    this.#seed = seed;
    this.#black = mean.map((m, c) => -m / deviation[c]!);
    this.#shape = shape;
  }

  /** The inputs of an epoch, row-major [indices.length, features] as in `Examples.inputs`. */
  epoch(epoch: number): (indices: ArrayLike<number>) => Float32Array {
    const { crop, flip } = this.#spec;
    const { count, features } = this.#examples;
    const shifts = new Random([this.#seed, 'augment', 'crop', epoch]);
    const mirrors = new Random([this.#seed, 'augment', 'flip', epoch]);
    // How far down and to the right of the image its window lies, in -crop … crop.
    const places = Int16Array.from(
      { length: crop > 0 ? 2 * count : 0 },
      () => shifts.below(2 * crop + 1) - crop,
    );
    const mirrored = Uint8Array.from({ length: flip ? count : 0 }, () => mirrors.below(2));
    return (indices) => {
      const plain = this.#examples.inputs(indices);
      const values = new Float32Array(plain.length);
      for (let row = 0; row < indices.length; row++) {
        const index = indices[row]!;
        this.#place(
          plain.subarray(row * features, (row + 1) * features),
          values.subarray(row * features, (row + 1) * features),
          {
            down: places[2 * index] ?? 0,
            right: places[2 * index + 1] ?? 0,
            mirrored: mirrored[index] === 1,
          },
        );
      }
      return values;
    };
  }

  #place(
    image: Float32Array,
    into: Float32Array,
    { down, right, mirrored }: { readonly down: number; readonly right: number; readonly mirrored: boolean },
  ): void {
    const { height, width } = this.#shape;
    let to = 0;
    this.#black.forEach((black, channel) => {
      for (let y = 0; y < height; y++) {
        const line = y + down;
        const inside = line >= 0 && line < height;
        const start = (channel * height + line) * width;
        for (let x = 0; x < width; x++) {
          const from = (mirrored ? width - 1 - x : x) + right;
          into[to++] = inside && from >= 0 && from < width ? image[start + from]! : black;
        }
      }
    });
  }
}
