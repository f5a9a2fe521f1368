/** What of a data set's examples names, sizes and headers of its files tell: what cannot be is refused before anything runs. */
import type { DatasetOptions } from './choice.ts';
import { bad } from './damage.ts';
import type { ImageShape, Layout, RecordForm, Split } from './layout.ts';
import { type View, viewOf } from './view.ts';

export interface DatasetForm {
  /** Null where examples are no images; undefined where only reading images tells. */
  readonly shape: ImageShape | null | undefined;
  /** Of an example; undefined where only reading tells. */
  readonly features: number | undefined;
  /** 1 where examples are no images; undefined where only reading tells. */
  readonly channels: number | undefined;
  /** Examples of a split, as many as the subset takes; undefined where only reading tells. */
  count(split: Split): number | undefined;
}

/** @throws UserError where records should be resized that cannot be, or a header is wrong. */
export function formOf(
  {
    name,
    folder,
    layout: { content },
  }: { readonly name: string; readonly folder: string; readonly layout: Layout },
  options: DatasetOptions,
): DatasetForm {
  if ('list' in content) {
    const shape = viewedShape(undefined, viewOf(options, true));
    return { shape, features: shape && sizeOf(shape), channels: 3, count: () => undefined };
  }
  const count = (split: Split): number | undefined =>
    options.subset?.[split] ?? content.count?.(folder, options, split);
  const form = content.form?.(folder, options);
  if (!form) return { shape: undefined, features: undefined, channels: undefined, count };
  const view = viewOf(options, false);
  const channels = form.shape?.channels ?? 1;
  if (view.resize === null && view.crop === null) return { ...form, channels, count };
  refuseResizing(name, form);
  const shape = viewedShape(form.shape!, view);
  return { shape, features: shape && sizeOf(shape), channels, count };
}

/** @throws UserError of records that are no images of three channels of bytes. */
export function refuseResizing(
  name: string,
  { shape, element }: Pick<RecordForm, 'shape' | 'element'>,
): void {
  if (shape?.channels !== 3 || element !== 'uint8')
    throw bad(`the data set "${name}" cannot be resized or cropped`, {
      expected: 'images of three channels of bytes',
      hint: 'leave out resize and crop',
    });
}

const sizeOf = ({ height, width, channels }: ImageShape): number => height * width * channels;

/** Of images of three channels, as far as their view alone decides it. */
function viewedShape(image: ImageShape | undefined, { resize, crop }: View): ImageShape | undefined {
  const last = crop ?? resize;
  if (last === null) return image;
  // Only the shorter side is known of an image that is resized by one side, unless it is a square.
  const isSquare = image !== undefined && image.height === image.width;
  if (crop === null && typeof last === 'number' && !isSquare) return undefined;
  const [height, width] = typeof last === 'number' ? [last, last] : last;
  return { height, width, channels: 3 };
}
