import type { Extremum } from './extrema.ts';

/** Where the perturbed model stands on its curve. */
export type Role = 'minimum' | 'maximum' | 'slope';

/** The sample nearest to λ = 0; undefined where 0 lies more than half a step outside the grid. */
export function modelIndex(lambdas: readonly number[]): number | undefined {
  let best = 0;
  for (const [i, lambda] of lambdas.entries()) if (Math.abs(lambda) < Math.abs(lambdas[best]!)) best = i;
  const step = lambdas.length > 1 ? Math.abs(lambdas[1]! - lambdas[0]!) : 0;
  return Math.abs(lambdas[best]!) <= step / 2 ? best : undefined;
}

/**
 * Step 4. θ is an extremum where that lies within one grid step, or where the curve stays within the tolerance of the
 * extremum all the way from θ to it; of several the nearest. Otherwise θ is on a slope.
 */
export function roleOf(
  at: number | undefined,
  extrema: readonly Extremum[],
  values: readonly number[],
  tolerance: number,
): Role {
  if (at === undefined) return 'slope';
  const distance = ({ from, to }: Extremum): number => Math.max(0, from - at, at - to);
  const reached = (extremum: Extremum): boolean => {
    if (distance(extremum) <= 1) return true;
    const between =
      at < extremum.from ? values.slice(at, extremum.from) : values.slice(extremum.to + 1, at + 1);
    return between.every((value) => Math.abs(value - extremum.value) <= tolerance);
  };
  const [nearest] = extrema.filter(reached).sort((a, b) => distance(a) - distance(b));
  return nearest?.type ?? 'slope';
}
