import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/dataset/image.ts';
import { resized } from '../../src/dataset/resample.ts';
import { cutBox, imageOfPlanes, planesOf, viewed } from '../../src/dataset/view.ts';
import { flat, pattern, sharedData } from '../support/image-files.ts';

const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('resizing', () => {
  test("gives PIL's bytes of a small image", () => {
    // Pillow 9.4.0: Image.resize(size, BILINEAR) of the pattern of 5 x 4.
    expect([...resized(pattern(5, 4), 3, 3).pixels]).toEqual([
      44, 97, 150, 105, 141, 152, 123, 143, 196, 157, 155, 135, 132, 128, 110, 105, 103, 156, 91, 111, 120,
      119, 155, 168, 189, 140, 116,
    ]);
    expect([...resized(pattern(5, 4), 7, 6).pixels.subarray(0, 21)]).toEqual([
      0, 53, 106, 21, 74, 127, 48, 101, 154, 74, 127, 180, 100, 153, 206, 127, 180, 233, 148, 201, 254,
    ]);
  });

  // Pillow 9.4.0, the first 16 digits of the sha256 of the bytes.
  test.each([
    [50, 40, 32, 32, '5a229973b8cfd33c'],
    [33, 77, 64, 31, 'd83117377bec9392'],
    [227, 227, 256, 256, 'e0064313633daae4'],
    [500, 375, 341, 256, '2897130a83f229b9'],
    [64, 48, 64, 20, '8dd0e74565222d12'],
    [30, 30, 300, 7, '0c699fd732ea9002'],
  ])("gives PIL's bytes from %i x %i to %i x %i", (width, height, to, high, expected) => {
    expect(sum(resized(pattern(width, height), to, high).pixels)).toBe(expected);
  });

  test('leaves an even image even, and the same size untouched', () => {
    const image = flat(13, 9, 255);
    expect(resized(image, 50, 4).pixels.every((byte) => byte === 255)).toBe(true);
    expect(resized(image, 13, 9)).toBe(image);
  });
});

describe('resize and crop', () => {
  test('the shorter side is resized, the longer one truncated, the centre taken', () => {
    const image = pattern(50, 33);
    const whole = viewed(image, { resize: 20, crop: null }, 'it');
    // int(20 * 50 / 33) = int(30.3)
    expect([whole.width, whole.height]).toEqual([30, 20]);
    const tall = viewed(pattern(33, 50), { resize: 20, crop: null }, 'it');
    expect([tall.width, tall.height]).toEqual([20, 30]);
    // round((30 - 13) / 2) = round(8.5) = 8 and round((20 - 13) / 2) = round(3.5) = 4 in Python.
    const centre = viewed(image, { resize: 20, crop: 13 }, 'it');
    const first = 3 * (4 * 30 + 8);
    expect(centre.pixels.subarray(0, 39)).toEqual(whole.pixels.subarray(first, first + 39));
    expect(viewed(image, { resize: [7, 11], crop: null }, 'it')).toMatchObject({ width: 11, height: 7 });
  });

  test('an image that is smaller than its crop is refused, not framed with black', () => {
    expect(() => viewed(pattern(30, 20), { resize: null, crop: 24 }, 'a.png')).toThrow(
      'a.png: an image of 30 x 20 has no centre of 24 x 24',
    );
  });

  test('a box is rounded as PIL rounds it and cut at the edges of the image', () => {
    const image = pattern(10, 8);
    const cut = cutBox(image, [2.5, 1, 20, 3.5], 'it');
    expect([cut.width, cut.height]).toEqual([8, 3]);
    expect(cut.pixels.subarray(0, 3)).toEqual(image.pixels.subarray(3 * 12, 3 * 12 + 3));
    expect(() => cutBox(image, [30, 1, 40, 3], 'b.png')).toThrow('has nothing of the image of 10 x 8');
  });

  test('planes and pixels are each other turned round', () => {
    const image = pattern(7, 5);
    const planes = planesOf(image);
    expect([planes[0], planes[35], planes[70]]).toEqual([...image.pixels.subarray(0, 3)]);
    expect(imageOfPlanes(planes, 7, 5)).toEqual(image);
  });
});

describe('decoding', () => {
  const { width, height, pixels } = pattern(20, 10);
  const raw = () => sharp(pixels, { raw: { width, height, channels: 3 } });
  const refused = async (bytes: Uint8Array): Promise<string> =>
    decodeImage(bytes, 'x.jpg').then(
      () => 'no error',
      (error: Error) => error.message,
    );

  test('a PNG gives its pixels back; grey is repeated in the three colours', async () => {
    expect(await decodeImage(await raw().png().toBuffer(), 'x.png')).toMatchObject({ width, height });
    expect((await decodeImage(await raw().png().toBuffer(), 'x.png')).pixels).toEqual(Buffer.from(pixels));
    const grey = sharp(Buffer.from([7, 200]), { raw: { width: 2, height: 1, channels: 1 } });
    const { pixels: three } = await decodeImage(await grey.toColourspace('b-w').png().toBuffer(), 'g.png');
    expect([...three]).toEqual([7, 7, 7, 200, 200, 200]);
    const greyJpeg = await raw().toColourspace('b-w').jpeg().toBuffer();
    const [a, b, c] = (await decodeImage(greyJpeg, 'g.jpg')).pixels;
    expect([a, b]).toEqual([b, c]);
  });

  test('other colours, transparency, other depths and other formats are refused by name', async () => {
    expect(await refused(await raw().toColourspace('cmyk').jpeg().toBuffer())).toBe(
      'x.jpg: colours are cmyk',
    );
    expect(await refused(await raw().ensureAlpha(0.5).png().toBuffer())).toBe(
      'x.jpg: an image with an alpha channel (4 channels)',
    );
    expect(await refused(await raw().toColourspace('rgb16').png().toBuffer())).toBe(
      'x.jpg: channels are of the type ushort',
    );
    expect(await refused(await raw().webp().toBuffer())).toBe(
      'x.jpg: the content is webp, whatever the name says',
    );
  });

  test('damaged files are refused', async () => {
    const jpeg = await raw().jpeg().toBuffer();
    expect(await refused(new Uint8Array())).toBe('x.jpg: the file is empty');
    expect(await refused(jpeg.subarray(0, jpeg.length - 40))).toMatch(/^x\.jpg: cannot be decoded \(.+\)$/);
    expect(await refused(Buffer.from('no image'))).toMatch(/^x\.jpg: cannot be decoded/);
    const png = await raw().png().toBuffer();
    const flipped = Buffer.from(png);
    flipped[flipped.length - 30]! ^= 0xff;
    expect(await refused(flipped)).toMatch(/^x\.jpg: cannot be decoded/);
  });
});

const birds = join(sharedData, 'cub-10', 'images');
describe.skipIf(!existsSync(birds))('real photographs (skipped: no ../shared/data/cub-10)', () => {
  // Pillow 9.4.0 with libjpeg-turbo 2.1.5: convert("RGB"), then resize to 256 and the centre of 224.
  test.each([
    ['001.Black_footed_Albatross/0000.jpg', '4efb7abf4e2fbbc4', '1904eeddce13ea48'],
    ['010.Spotted_Catbird/0003.jpg', '345b75287a33fdb7', 'b3b1010a7d6efc03'],
  ])('%s decodes to the bytes of PIL, and is prepared as by torchvision', async (name, decoded, prepared) => {
    const image = await decodeImage(readFileSync(join(birds, name)), name);
    expect(sum(image.pixels)).toBe(decoded);
    expect(sum(viewed(image, { resize: 256, crop: 224 }, name).pixels)).toBe(prepared);
  });

  const python = process.env.PYTHON ?? '/usr/bin/python3';
  const withPil = spawnSync(python, ['-c', 'import PIL.Image']).status === 0;
  test.skipIf(!withPil)('every tenth agrees with the PIL that is installed', async () => {
    const script = `
import sys, hashlib, glob
from PIL import Image
for p in sorted(glob.glob(sys.argv[1] + '/*/*.jpg'))[::10]:
    i = Image.open(p).convert('RGB')
    j = i.resize((171, 171), Image.BILINEAR).crop((13, 14, 157, 158))
    print(p, hashlib.sha256(i.tobytes() + j.tobytes()).hexdigest()[:16])`;
    const lines = execFileSync(python, ['-c', script, birds], { encoding: 'utf8' }).trim().split('\n');
    expect(lines.length).toBe(57);
    for (const line of lines) {
      const [path, expected] = line.split(' ') as [string, string];
      const image = await decodeImage(readFileSync(path), path);
      const whole = viewed(image, { resize: 171, crop: null }, path);
      const cut = cutBox(whole, [13, 14, 157, 158], path);
      expect(sum(Buffer.concat([image.pixels, cut.pixels])), path).toBe(expected);
    }
  });
});
