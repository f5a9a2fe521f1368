import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Instance, Plan } from './plan.ts';
import { parseReference, type SelectorPart } from './reference.ts';

/**
 * The instances that names mean, in the order of the plan: `curve` all of a stage, `curve[seed=1]` those with this
 * value. Throws a UserError that tells every name that means none.
 */
export function selectInstances(plan: Plan, names: readonly string[]): Instance[] {
  const byStage = instancesByStage(plan.instances);
  const wrong: Diagnostic[] = [];
  const chosen = new Set<Instance>();
  for (const name of names) {
    const found = select(name, byStage);
    if ('code' in found) wrong.push(found);
    else for (const instance of found) chosen.add(instance);
  }
  if (wrong.length > 0) throw new UserError(wrong);
  return plan.instances.filter((instance) => chosen.has(instance));
}

/**
 * What is wrong with names of stages.
 * @param byStage the instances by stage; none of a stage where they are not known: any of them may be named
 */
export function wrongNames(names: readonly string[], byStage: ByStage): Diagnostic[] {
  return names.flatMap((name) => {
    const found = select(name, byStage);
    return 'code' in found ? [found] : [];
  });
}

type ByStage = ReadonlyMap<string, readonly Named[]>;
type Named = Pick<Instance, 'id'>;

export function instancesByStage(instances: readonly Instance[]): Map<string, Instance[]> {
  const byStage = new Map<string, Instance[]>();
  for (const instance of instances) {
    const same = byStage.get(instance.stage);
    if (same) same.push(instance);
    else byStage.set(instance.stage, [instance]);
  }
  return byStage;
}

/** The plan of these stages and of all that they need. Throws a UserError as `selectInstances`. */
export function selectStages(plan: Plan, names: readonly string[]): Plan {
  const byId = new Map(plan.instances.map((instance) => [instance.id, instance]));
  const needed = new Set<Instance>(selectInstances(plan, names));
  // A set that grows while it is walked: what is added is walked too.
  for (const { inputs } of needed) {
    for (const { sources } of Object.values(inputs)) {
      for (const source of sources) if (source.from === 'stage') needed.add(byId.get(source.instance)!);
    }
  }
  return { ...plan, instances: plan.instances.filter((instance) => needed.has(instance)) };
}

function select<I extends Named>(
  name: string,
  byStage: ReadonlyMap<string, readonly I[]>,
): readonly I[] | Diagnostic {
  const reference = parseReference(name);
  if ('bad' in reference || reference.member !== null || reference.output !== null) {
    return {
      severity: 'error',
      code: 'bad-reference',
      message: `"${name}" does not name a stage`,
      expected: 'stage or stage[axis=value]',
    };
  }
  const { head, selector } = reference;
  const instances = byStage.get(head);
  if (!instances) {
    const hint = didYouMean(head, byStage.keys());
    return {
      severity: 'error',
      code: 'unknown-stage',
      message: `there is no stage "${head}"`,
      expected: oneOf(byStage.keys()),
      ...(hint === undefined ? {} : { hint }),
    };
  }
  if (selector === null || instances.length === 0) return instances;
  const found = instances.filter(({ id }) => {
    const labels = labelsOf(id);
    return selector.every(({ axis, label }) =>
      labels.some((own) => own.axis === axis && own.label === label),
    );
  });
  if (found.length > 0) return found;
  const hint = didYouMean(
    name,
    instances.map(({ id }) => id),
  );
  return {
    severity: 'error',
    code: 'selects-nothing',
    message: `no instance of "${head}" is ${name}`,
    expected: oneOf(instances.map(({ id }) => id)),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** An instance's id spells its labels as a reference does. */
function labelsOf(id: string): readonly SelectorPart[] {
  const reference = parseReference(id);
  return 'bad' in reference ? [] : (reference.selector ?? []);
}
