import type { Plan } from '../plan/plan.ts';
import { selectInstances } from '../plan/select.ts';

/** Ids of the instances that `--force` names (`curve`, `curve[seed=1]`); without their ancestors. */
export function matchesForce(plan: Plan, names: readonly string[]): Set<string> {
  return new Set(names.length === 0 ? [] : selectInstances(plan, names).map((instance) => instance.id));
}
