import type { Axis } from '../../src/landscape/curves.ts';
import { type Checkpoint, momentOf } from '../../src/network/checkpoint.ts';
import type { Member } from './directions.ts';

/**
 * An axis with its vertical lines: the perturbed model at 0, and each target that a direction points at. A target at
 * λ along the direction is reached at λ/s where the grid's λ is scaled by s.
 */
export function axisOf(
  values: readonly number[],
  members: readonly Member[],
  scale: number,
  label: string,
  model: Pick<Checkpoint, 'epoch'>,
): Axis {
  const inside = (at: number): boolean => at >= values[0]! && at <= values.at(-1)!;
  const targets = new Map<number, string>();
  for (const { target } of members)
    if (target && inside(target.at / scale)) targets.set(target.at / scale, target.label);
  return {
    label,
    values,
    marks: [
      ...(inside(0) ? [{ at: 0, role: 'model' as const, label: momentOf(model) }] : []),
      ...[...targets].map(([at, name]) => ({ at, role: 'target' as const, label: name })),
    ],
  };
}
