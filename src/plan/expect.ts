import { describe as describeValue } from '../declare/evaluate.ts';
import type { StageDeclaration } from '../declare/load.ts';
import { mapAt, type Node, toJson } from '../declare/node.ts';
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
  for (const [name, { key, value }] of mapAt(node, 'expect')?.entries ?? []) {
    if (isFactName(name, known)) {
      checkClaim(name, value, problems);
      continue;
    }
    problems.error('unknown-fact', key, `${describe(kind)} has no fact "${name}"`, {
      expected: known.length > 0 ? oneOf(known, 20) : 'no "expect": it has no facts',
      hint: didYouMean(name, known),
    });
  }
}

/** A claim is a value, a list of which any will do, or a range of numbers: `{ min, max }`. */
function checkClaim(fact: string, claim: Node, problems: Problems): void {
  if (claim.kind === 'list') for (const item of claim.items) checkClaim(fact, item, problems);
  if (claim.kind !== 'map') return;
  if (claim.entries.size === 0)
    problems.error('missing-key', claim, `"expect.${fact}" claims nothing`, { expected: 'min, max or both' });
  for (const [name, { key, value }] of claim.entries) {
    if (!ends.includes(name)) {
      problems.error('unknown-key', key, `unknown key "${name}" in "expect.${fact}"`, {
        expected: 'min, max or both',
        hint: didYouMean(name, ends),
      });
    } else if (
      !value.templated &&
      !(value.kind === 'scalar' && (value.broken || typeof value.value === 'number'))
    )
      problems.error(
        'wrong-type',
        value,
        `"expect.${fact}.${name}" cannot be ${describeValue(toJson(value))}`,
        {
          expected: 'a number',
        },
      );
  }
}

const ends = ['min', 'max'];

function describe(kind: ResolvedKind | 'command'): string {
  return kind === 'command' ? 'a program' : `a stage of the kind "${kind.name}"`;
}
