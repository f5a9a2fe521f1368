import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import type { BoundInstance } from './bind.ts';
import type { InstanceDraft } from './draft.ts';

/** Cycles that are told; each passes other stages. */
const mostCycles = 20;

/**
 * Dependencies before dependents; beyond that, as declared. Undefined where instances depend on each other in a
 * circle: each circle has been told with its path. Iterative: chains may be as long as the plan.
 */
export function order(bound: readonly BoundInstance[], problems: Problems): BoundInstance[] | undefined {
  const byDraft = new Map(bound.map((instance) => [instance.draft, instance]));
  const state = new Map<InstanceDraft, 'open' | 'done'>();
  const sorted: BoundInstance[] = [];
  const told = new Set<string>();
  // Instances of one matrix share their lists: one that is done as a whole need not be walked again.
  const doneLists = new Set<readonly InstanceDraft[]>();
  for (const start of bound) {
    if (state.has(start.draft)) continue;
    const path: Step[] = [{ instance: start, read: 0, next: 0 }];
    state.set(start.draft, 'open');
    while (path.length > 0) {
      const step = path.at(-1)!;
      const list = step.instance.reads[step.read];
      if (!list) {
        state.set(step.instance.draft, 'done');
        sorted.push(step.instance);
        path.pop();
        continue;
      }
      const next = doneLists.has(list.instances) ? undefined : list.instances[step.next++];
      if (!next) {
        doneLists.add(list.instances);
        step.read++;
        step.next = 0;
        continue;
      }
      const known = state.get(next);
      const instance = byDraft.get(next);
      if (known === 'open') tellCycle(path, next, told, problems);
      else if (known === undefined && instance) {
        state.set(next, 'open');
        path.push({ instance, read: 0, next: 0 });
      }
    }
  }
  return told.size === 0 ? sorted : undefined;
}

interface Step {
  readonly instance: BoundInstance;
  read: number;
  next: number;
}

function tellCycle(path: readonly Step[], back: InstanceDraft, told: Set<string>, problems: Problems): void {
  const steps = path.slice(path.findIndex(({ instance }) => instance.draft === back));
  const stages = [...new Set(steps.map(({ instance }) => instance.draft.stage.declaration.name))];
  const id = stages.toSorted().join('\n');
  if (told.has(id) || told.size >= mostCycles) return;
  told.add(id);
  const names = [...steps.map(({ instance }) => instance.draft.id), back.id];
  const shown =
    names.length <= 12 ? names : [...names.slice(0, 6), `${names.length - 9} more`, ...names.slice(-3)];
  const edges = steps.map(({ instance, read }) => ({
    message: `${instance.draft.id} reads this`,
    at: instance.reads[read]!.at as Span,
  }));
  problems.error('cycle', edges[0]!.at, `stages depend on each other in a circle: ${shown.join(' -> ')}`, {
    related: edges.slice(1, 8),
  });
}
