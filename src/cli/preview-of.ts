import type { Forecast, Preview } from '../run/contract.ts';

/**
 * The forecasts of the stages that a command named, without what feeds them: `curve` is every instance of a matrix,
 * `curve[seed=1]` those with this value.
 */
export function askedFor({ plan, stages }: Preview, name: string): Forecast[] {
  const exact = stages.filter(({ id }) => id === name);
  if (exact.length > 0) return exact;
  const match = /^([^[]+)(?:\[(.*)\])?$/.exec(name);
  const wanted = (match?.[2] ?? '')
    .split(',')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('=', 2).map((part) => part.trim()) as [string, string?]);
  const ids = new Set(
    plan.instances
      .filter(
        ({ stage, axes }) =>
          stage === match?.[1] && wanted.every(([axis, value]) => String(axes[axis]) === value),
      )
      .map(({ id }) => id),
  );
  return stages.filter(({ id }) => ids.has(id));
}
