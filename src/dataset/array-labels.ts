/** Labels in an array: whole numbers from 0, one for each input. */
import { type ArrayPlace, bytesAt, type ElementType, elementBytes } from './array-file.ts';
import { bad } from './damage.ts';

export const labelCure =
  'convert them: labels.astype("int64"); names become numbers by numpy.unique(labels, return_inverse=True)[1]';

const readers: Partial<Record<ElementType, (view: DataView, at: number) => number>> = {
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
};

/** @throws UserError of an array whose header says that it holds no labels of so many examples. */
export function refuseLabels({ path, type, shape }: ArrayPlace, examples: number): void {
  if (shape.length !== 1 || shape[0] !== examples)
    throw bad(`${path}: labels of the shape [${shape}] for ${examples} inputs`, {
      expected: `[${examples}]`,
      hint: flattening(shape, examples),
    });
  if (!readers[type])
    throw bad(`${path}: labels of the type ${type}`, {
      expected: Object.keys(readers).join(', '),
      hint: labelCure,
    });
}

function flattening([rows, columns, ...more]: readonly number[], examples: number): string {
  if (rows !== examples || columns === undefined || more.length > 0) return 'save one label for each input';
  return columns === 1 ? 'save labels.ravel()' : 'save labels.argmax(1), where the rows are one-hot';
}

/** Whole numbers out of an array of labels. @throws UserError as `refuseLabels`. */
export function labelsOf(place: ArrayPlace, examples: number): number[] {
  refuseLabels(place, examples);
  const { path, type, offset } = place;
  const size = elementBytes[type];
  const bytes = bytesAt(path, offset, examples * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: examples }, (_, i) => readers[type]!(view, i * size));
}

/** @throws UserError where a label is of no class. */
export function checkedLabels(
  labels: readonly number[],
  classes: number,
  { path, offset, type }: ArrayPlace,
): Uint16Array {
  for (const [row, label] of labels.entries())
    if (label < 0 || label >= classes)
      throw bad(
        `${path}: row ${row} (byte ${offset + row * elementBytes[type]}) has the label ${label}, and there are ${classes} classes`,
        { expected: `labels from 0 to ${classes - 1}`, hint: 'number the classes from 0' },
      );
  return Uint16Array.from(labels);
}
