import type { Problems } from '../diagnostics/problems.ts';
import type { Json } from '../util/json.ts';
import type { Node } from './node.ts';
import { deepest } from './read-yaml.ts';

/** Values that placeholders may add to one plan: parameters that stand for others could ask for any number. */
const mostValues = 5_000_000;
/** Characters of a text in which a placeholder stands. No program can be given a longer one. */
const longestText = 1_000_000;
/** Characters that count as one value. */
const charactersPerValue = 64;

/** Of a value: how many values are in it, itself included, and how many levels of lists and mappings. */
export interface Measure {
  readonly size: number;
  readonly depth: number;
}

const scalar: Measure = { size: 1, depth: 0 };
const measured = new WeakMap<object, Measure>();

/** Measured once a list or mapping, however often it is used; none nests deeper than a pipeline may. */
export function measure(value: Json): Measure {
  if (value === null || typeof value !== 'object') return scalar;
  let found = measured.get(value);
  if (!found) {
    let [size, depth] = [1, 0];
    for (const inner of Object.values(value)) {
      const of = measure(inner);
      size += of.size;
      depth = Math.max(depth, of.depth);
    }
    found = { size, depth: depth + 1 };
    measured.set(value, found);
  }
  return found;
}

/** What placeholders have expanded to in one pass over a pipeline. What is too much is told once. */
export class Expansion {
  static readonly #passes = new WeakMap<Problems, Expansion>();
  readonly #problems: Problems;
  #values = 0;
  #told = false;

  private constructor(problems: Problems) {
    this.#problems = problems;
  }

  static of(problems: Problems): Expansion {
    let expansion = Expansion.#passes.get(problems);
    if (!expansion) {
      expansion = new Expansion(problems);
      Expansion.#passes.set(problems, expansion);
    }
    return expansion;
  }

  /** Whether a value may stand in the place of a placeholder. @param around lists and mappings around the place. */
  takes({ size, depth }: Measure, around: number, at: Node): boolean {
    if (around + depth > deepest) {
      this.#problems.error(
        'too-deep',
        at,
        `with what this stands for, values are nested deeper than ${deepest} levels`,
      );
      return false;
    }
    this.#values += size;
    if (this.#values <= mostValues) return true;
    if (!this.#told)
      this.#problems.error(
        'placeholder-expansion',
        at,
        `placeholders expand to more than ${mostValues} values`,
      );
    this.#told = true;
    return false;
  }

  /** Whether a text of so many characters, placeholders filled in, may be. */
  takesText(length: number, at: Node): boolean {
    if (length <= longestText)
      return this.takes({ size: 1 + Math.floor(length / charactersPerValue), depth: 0 }, 0, at);
    this.#problems.error(
      'placeholder-expansion',
      at,
      `with what stands in it, this text is longer than ${longestText} characters`,
    );
    return false;
  }
}
