/** From sample to sample by keys. It needs no browser, and so is tested without one. */
import type { Place, Readable, Sample } from './samples.ts';

/** What is being read: a mark, and which of its samples. */
export interface Cursor {
  readonly mark: number;
  readonly k: number;
}

/** Keys that go to another sample. */
export const readingKeys: ReadonlySet<string> = new Set([
  'ArrowLeft',
  'ArrowRight',
  'ArrowUp',
  'ArrowDown',
  'Home',
  'End',
  'PageUp',
  'PageDown',
]);

/**
 * Where a key leads: left and right along a mark, up and down on a surface, or to the mark before or after (of a surface:
 * Page Up, Page Down), there to the sample that is nearest along the x axis. Home and End are the ends of the mark. At an end it stays
 * where it is; without a place to start from, any key leads to the first sample that is drawn.
 */
export function step(
  marks: readonly Readable[],
  from: Cursor | undefined,
  key: string,
): { readonly cursor: Cursor; readonly sample: Sample } | undefined {
  const readable = marks.filter((one) => ends(one) !== undefined);
  const n = readable.findIndex(({ mark }) => mark === from?.mark);
  const mark = readable[n];
  const here = mark?.sample(from!.k) && from!.k;
  const reached = (one: Readable | undefined, k: number | undefined) =>
    one && k !== undefined ? { cursor: { mark: one.mark, k }, sample: one.sample(k)! } : undefined;
  if (!mark || here === undefined) return reached(readable[0], readable[0] && ends(readable[0])![0]);
  const other = (by: number) => {
    const next = readable[n + by];
    return next ? reached(next, nearest(next, mark.sample(here)!.at)) : reached(mark, here);
  };
  const { rows } = mark;
  switch (key) {
    case 'ArrowLeft':
      return reached(mark, along(mark, here, -(rows ?? 1)) ?? here);
    case 'ArrowRight':
      return reached(mark, along(mark, here, rows ?? 1) ?? here);
    case 'ArrowUp':
      if (rows === undefined) return other(-1);
      return reached(mark, here % rows < rows - 1 ? here + 1 : here);
    case 'ArrowDown':
      if (rows === undefined) return other(1);
      return reached(mark, here % rows > 0 ? here - 1 : here);
    case 'PageUp':
      return other(-1);
    case 'PageDown':
      return other(1);
    case 'Home':
      return reached(mark, ends(mark)![0]);
    case 'End':
      return reached(mark, ends(mark)![1]);
    default:
      return reached(mark, here);
  }
}

/** The next sample that is drawn. */
function along({ count, sample }: Readable, from: number, by: number): number | undefined {
  for (let k = from + by; k >= 0 && k < count; k += by) if (sample(k)) return k;
  return undefined;
}

function ends(mark: Readable): readonly [number, number] | undefined {
  const first = along(mark, -1, 1);
  return first === undefined ? undefined : [first, along(mark, mark.count, -1)!];
}

function nearest({ count, sample }: Readable, [x, y]: Place): number | undefined {
  let best: { readonly k: number; readonly off: number } | undefined;
  for (let k = 0; k < count; k++) {
    const at = sample(k)?.at;
    if (!at) continue;
    // Curves over one grid are compared at one place of it, however steep they are.
    const off = 1000 * Math.abs(at[0] - x) + Math.abs(at[1] - y);
    if (!(best && off >= best.off)) best = { k, off };
  }
  return best?.k;
}
