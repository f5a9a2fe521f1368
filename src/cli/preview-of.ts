import { UserError } from '../diagnostics/diagnostic.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Instance, Plan } from '../plan/plan.ts';
import { grammar, parseReference } from '../plan/reference.ts';
import { selectInstances } from '../plan/select.ts';

/** What a reference on the command line means in a plan. */
export interface Named {
  readonly instances: readonly Instance[];
  /** Null where none was named and the stage has several. */
  readonly output: string | null;
  readonly member: string | null;
}

/**
 * Finds `stage`, `stage[axis=value].output/member` in a plan. A reference to the whole of a matrix names all its
 * instances.
 * @throws UserError that says which stage or output there is instead.
 */
export function findNamed(plan: Plan, text: string): Named {
  const reference = parseReference(text);
  if ('bad' in reference)
    throw unknown('bad-reference', `"${text}" names no output: ${reference.bad}`, [], '', grammar);
  const stages = [...new Set(plan.instances.map(({ stage }) => stage))];
  // `base.curve` is a stage of an included file, or the output `curve` of the stage `base`.
  const whole = stages.includes(reference.head);
  const dot = reference.head.lastIndexOf('.');
  const stage = whole || dot < 0 ? reference.head : reference.head.slice(0, dot);
  const asked = reference.output ?? (whole || dot < 0 ? null : reference.head.slice(dot + 1));
  const selector = text.slice(
    reference.head.length,
    (reference.selector?.at(-1)?.end ?? reference.head.length - 1) + 1,
  );
  const instances = selectInstances(plan, [stage + selector]);
  const outputs = Object.keys(instances[0]!.outputs);
  if (asked !== null && !outputs.includes(asked))
    throw unknown('unknown-output', `the stage "${stage}" has no output "${asked}"`, outputs, asked);
  return {
    instances,
    output: asked ?? (outputs.length === 1 ? outputs[0]! : null),
    member: reference.member,
  };
}

function unknown(
  code: string,
  message: string,
  names: readonly string[],
  name: string,
  expected?: string,
): UserError {
  const hint = didYouMean(name, names);
  return new UserError({
    severity: 'error',
    code,
    message,
    expected: expected ?? oneOf(names),
    ...(hint === undefined ? {} : { hint }),
  });
}
