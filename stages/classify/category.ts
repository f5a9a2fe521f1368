import type { Extremum } from './extrema.ts';
import type { Role } from './role.ts';

/** The paper's categories, and what a sampled curve can be beside them. */
export const categories = [
  'v-basin',
  'v-side',
  'w-basin',
  'w-peak',
  'w-side',
  'vvv-basin',
  'open w-basin',
  'open w-peak',
  'flat',
  'chaotic',
  'other',
] as const;
export type Category = (typeof categories)[number];

/** So many extrema are no shape any more. */
const chaoticExtrema = 7;

/** Step 5. The category from the numbers of minima and maxima and the model's role. */
export function categoryOf(extrema: readonly Extremum[], role: Role): Category {
  const minima = extrema.filter(({ type }) => type === 'minimum').length;
  const maxima = extrema.length - minima;
  if (extrema.length >= chaoticExtrema) return 'chaotic';
  switch (`${minima},${maxima}`) {
    case '0,0':
      return 'v-side';
    case '1,0':
      return role === 'minimum' ? 'v-basin' : 'v-side';
    case '2,1':
      return role === 'minimum' ? 'w-basin' : role === 'maximum' ? 'w-peak' : 'w-side';
    case '0,1':
      return role === 'maximum' ? 'open w-peak' : 'other';
    case '1,1':
      return role === 'minimum' ? 'open w-basin' : role === 'maximum' ? 'open w-peak' : 'v-side';
    case '3,2':
      return role === 'minimum' ? 'vvv-basin' : 'other';
    default:
      return 'other';
  }
}

/** So many more stationary points than extrema make a curve rough. */
const farAbove = 4;

/**
 * Step 6. Remarks: `chaotic above log C` where the raw count is far above the filtered one and most of the raw
 * stationary points lie above log C; `transitional` where some extremum's prominence is so near the tolerance (within
 * a factor 2) that the category hangs on it.
 */
export function notesOf(facts: {
  readonly stationaryLosses: readonly number[];
  readonly filtered: number;
  readonly classes: number | null;
  readonly prominences: readonly number[];
  readonly tolerance: number;
}): string[] {
  const { stationaryLosses, filtered, classes, prominences, tolerance } = facts;
  const above = stationaryLosses.filter((loss) => classes !== null && loss > Math.log(classes)).length;
  const rough = stationaryLosses.length - filtered >= farAbove && 2 * above > stationaryLosses.length;
  const near = prominences.some((height) => height >= tolerance / 2 && height <= 2 * tolerance);
  return [...(rough ? ['chaotic above log C'] : []), ...(near ? ['transitional'] : [])];
}
