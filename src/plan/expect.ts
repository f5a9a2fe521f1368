import type { StageDeclaration } from '../declare/load.ts';
import { mapAt } from '../declare/node.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { ResolvedKind } from '../kind/registry.ts';
import { isFactName } from '../kind/stage-kind.ts';

/** Checks that what a stage expects is of facts that its kind has: a claim about nothing could never hold. */
export function checkExpected(
  { node }: StageDeclaration,
  kind: ResolvedKind | 'command',
  problems: Problems,
): void {
  const known = kind === 'command' ? [] : kind.factNames;
  if (known === null) return;
  for (const [name, { key }] of mapAt(node, 'expect')?.entries ?? []) {
    if (isFactName(name, known)) continue;
    problems.error('unknown-fact', key, `${describe(kind)} has no fact "${name}"`, {
      expected: known.length > 0 ? oneOf(known, 20) : 'no "expect": it has no facts',
      hint: didYouMean(name, known),
    });
  }
}

function describe(kind: ResolvedKind | 'command'): string {
  return kind === 'command' ? 'a program' : `a stage of the kind "${kind.name}"`;
}
