/** Decodes image files. The only place that knows sharp. */
import { bad } from './damage.ts';

/** Pixels of an image, row by row, three bytes (red, green, blue) a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** The names of image files that can be read. */
export const imageName = /\.(jpe?g|png)$/i;
/** Those of files that others read as images: to leave them out silently would change a data set. */
export const otherImageName = /\.(ppm|bmp|pgm|tiff?|webp|gif)$/i;

/**
 * Decodes a JPEG or PNG of 8 bits a channel as PIL's `open(path).convert("RGB")` does: colour profile and orientation
 * are left out of account, grey is repeated in the three colours. Colours of another kind and transparency are
 * refused: what becomes of them differs from program to program.
 * @param label the file, for messages.
 * @throws UserError where the bytes are damaged or no such image.
 */
export async function decodeImage(bytes: Uint8Array, label: string): Promise<RgbImage> {
  const { default: sharp } = await import('sharp');
  const options = {
    ignoreIcc: true,
    failOn: 'warning',
    limitInputPixels: 2 ** 28,
    sequentialRead: true,
  } as const;
  const hint = 'get the file again, or take it out of the data set';
  if (bytes.length === 0) throw bad(`${label}: the file is empty`, { hint });
  try {
    const meta = await sharp(bytes, options).metadata();
    const refuse = (what: string, cure: string): Error =>
      bad(`${label}: ${what}`, {
        expected: 'a JPEG or PNG with 8 bits a channel, red, green and blue or grey',
        hint: cure,
      });
    if (meta.format !== 'jpeg' && meta.format !== 'png')
      throw refuse(`the content is ${meta.format}, whatever the name says`, hint);
    if (meta.depth !== 'uchar')
      throw refuse(`channels are of the type ${meta.depth}`, 'save it with 8 bits a channel');
    if (meta.hasAlpha)
      throw refuse(
        `an image with an alpha channel (${meta.channels} channels)`,
        'save it without transparency: on which background is for you to say',
      );
    if (meta.space !== 'srgb' && meta.space !== 'b-w')
      throw refuse(`colours are ${meta.space}`, 'save it as RGB');
    const { data, info } = await sharp(bytes, options).raw().toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    if (channels === 3) return { width, height, pixels: data };
    if (channels !== 1) throw refuse(`${channels} channels`, 'save it as RGB');
    const pixels = new Uint8Array(3 * width * height);
    for (let i = 0; i < data.length; i++) pixels.fill(data[i]!, 3 * i, 3 * i + 3);
    return { width, height, pixels };
  } catch (error) {
    if ((error as Error).name === 'UserError' || 'diagnostics' in (error as object)) throw error;
    // One line: sharp lists every warning of the decoder.
    const reason = (error as Error).message.split('\n')[0];
    throw bad(`${label}: cannot be decoded (${reason})`, { expected: 'a whole JPEG or PNG', hint });
  }
}
