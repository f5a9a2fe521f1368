import { describe as describeValue } from '../declare/evaluate.ts';
import type { Node } from '../declare/node.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import { type FactType, isOfType, typeOfFact } from '../kind/fact-types.ts';
import type { ResolvedKind } from '../kind/registry.ts';
import type { Json } from '../util/json.ts';

/** Where a value came from that a placeholder stands for. */
type Origin = (node: Node) => { readonly message: string; readonly at: Span | undefined } | undefined;

/** Refuses what a stage expects where it could never hold: facts that its kind does not have, values they never have. */
export class ExpectedCheck {
  readonly #kind: ResolvedKind | 'command';
  readonly #problems: Problems;
  readonly #origin: Origin;

  constructor(kind: ResolvedKind | 'command', problems: Problems, origin: Origin = () => undefined) {
    this.#kind = kind;
    this.#problems = problems;
    this.#origin = origin;
  }

  /**
   * @param written what stands after `expect:`
   * @param filled the same, with the values of its placeholders as far as they are known
   */
  check(written: Node, filled: Json): void {
    const types = this.#kind === 'command' ? {} : this.#kind.factTypes;
    // Of another shape it has been told.
    if (types === null || filled === null || typeof filled !== 'object' || Array.isArray(filled)) return;
    const known = Object.keys(types);
    for (const [name, value] of Object.entries(filled)) {
      const entry = written.kind === 'map' ? written.entries.get(name) : undefined;
      const type = typeOfFact(name, types);
      if (type !== undefined) this.#checkClaim(`expect.${name}`, type, entry?.value ?? written, value);
      else
        this.#tell('unknown-fact', entry?.key ?? written, `${describe(this.#kind)} has no fact "${name}"`, {
          expected: known.length > 0 ? oneOf(known, 20) : 'no "expect": it has no facts',
          hint: didYouMean(name, known),
        });
    }
  }

  /** A claim is a value, a list of which any will do, or a range of numbers: `{ min, max }`. */
  #checkClaim(name: string, type: FactType, node: Node, claim: Json | undefined): void {
    if (type === 'any' || claim === undefined || isUnfilled(node, claim)) return;
    if (Array.isArray(claim)) {
      if (claim.length === 0)
        this.#tell('out-of-range', node, `"${name}" claims nothing`, { expected: 'a list of at least 1' });
      for (const [i, item] of claim.entries())
        this.#checkClaim(`${name}[${i}]`, type, node.kind === 'list' ? node.items[i]! : node, item);
    } else if (type === 'number' && typeof claim === 'object' && claim !== null)
      this.#checkRange(name, node, claim);
    else if (!isOfType(claim, type)) {
      const isOther = Array.isArray(type) && typeof claim === 'string';
      this.#tell(
        isOther ? 'unknown-value' : 'wrong-type',
        node,
        `"${name}" cannot be ${describeValue(claim)}`,
        {
          expected: Array.isArray(type) ? oneOf(type, 20) : wanted[type as keyof typeof wanted],
          hint: isOther ? didYouMean(claim, type) : undefined,
        },
      );
    }
  }

  #checkRange(name: string, node: Node, range: { readonly [name: string]: Json }): void {
    const given = Object.entries(range);
    if (given.length === 0)
      this.#tell('missing-key', node, `"${name}" claims nothing`, { expected: 'min, max or both' });
    for (const [end, value] of given) {
      const entry = node.kind === 'map' ? node.entries.get(end) : undefined;
      const at = entry?.value ?? node;
      if (!ends.includes(end))
        this.#tell('unknown-key', entry?.key ?? node, `unknown key "${end}" in "${name}"`, {
          expected: 'min, max or both',
          hint: didYouMean(end, ends),
        });
      else if (value !== undefined && typeof value !== 'number' && !isUnfilled(at, value))
        this.#tell('wrong-type', at, `"${name}.${end}" cannot be ${describeValue(value)}`, {
          expected: 'a number',
        });
    }
    const { min, max } = range;
    if (typeof min === 'number' && typeof max === 'number' && min > max)
      this.#tell('out-of-range', node, `no number is at least ${min} and at most ${max}`, {
        expected: `a "min" of "${name}" that is at most its "max"`,
      });
  }

  #tell(
    code: string,
    at: Node | Span,
    message: string,
    details: { readonly expected: string; readonly hint?: string | undefined },
  ): void {
    const origin = 'kind' in at ? this.#origin(at) : undefined;
    this.#problems.error(code, at, message, { ...details, ...(origin ? { related: [origin] } : {}) });
  }
}

const ends = ['min', 'max'];
const wanted = {
  number: 'a number, a list of numbers, or { min, max }',
  boolean: 'true or false',
  text: 'text',
};

/** A placeholder that stands as it was written: what it stands for is checked once that is known. */
function isUnfilled(node: Node, value: Json): boolean {
  return node.kind === 'scalar' && node.templated && node.value === value;
}

function describe(kind: ResolvedKind | 'command'): string {
  return kind === 'command' ? 'a program' : `a stage of the kind "${kind.name}"`;
}
