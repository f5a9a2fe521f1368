import type { Found } from './found.ts';
import type { Place, Readable, Sample } from './samples.ts';

/** The sample that a pointer means; on a surface the nearest, wherever no other mark has one near. */
export function findInPlane(marks: readonly Readable[], pointer: Place): Found | undefined {
  let best: { readonly distance: number; readonly sample: Sample } | undefined;
  for (const mark of marks) {
    if (mark.rows !== undefined) continue;
    for (let k = 0; k < mark.count; k++) {
      const sample = mark.sample(k);
      const distance = sample?.distance(pointer);
      if (sample && distance !== undefined && !(best && distance >= best.distance))
        best = { distance, sample };
    }
  }
  return (best?.sample ?? onSurface(marks, pointer))?.found();
}

function onSurface(marks: readonly Readable[], pointer: Place): Sample | undefined {
  const surface = marks.find(({ rows }) => rows !== undefined);
  if (!surface) return undefined;
  const rows = surface.rows!;
  const nearest = (count: number, step: number, axis: 0 | 1): number => {
    const off = (k: number): number => Math.abs(surface.sample(k * step)!.at[axis] - pointer[axis]);
    let best = 0;
    for (let k = 1; k < count; k++) if (off(k) < off(best)) best = k;
    return best;
  };
  return surface.sample(nearest(surface.count / rows, rows, 0) * rows + nearest(rows, 1, 1));
}
