import type { Facts } from '../kind/stage-kind.ts';
import type { Instance } from '../plan/plan.ts';
import type { Json, JsonObject } from '../util/json.ts';

/** What the paper claims of a stage, and what came out. */
export interface Expectation {
  readonly stage: string;
  readonly fact: string;
  readonly expected: Json;
  /** Null where the stage has no such fact. */
  readonly actual: Json;
  readonly held: boolean;
}

/**
 * Checks `expect:` against a stage's facts. A list means any of its values; `{ min, max }` a closed range of numbers;
 * a fact that is a list (one value a curve) holds where each of its values does.
 */
export function checkExpectations(instance: Instance, facts: Facts | null): Expectation[] {
  return Object.entries(instance.expect).map(([fact, expected]) => {
    const actual = facts?.[fact] ?? null;
    return { stage: instance.id, fact, expected, actual, held: actual !== null && holds(expected, actual) };
  });
}

function holds(expected: Json, actual: Json): boolean {
  if (Array.isArray(actual)) return actual.length > 0 && actual.every((value) => holds(expected, value));
  if (Array.isArray(expected)) return expected.some((value) => holds(value, actual));
  if (isRange(expected)) {
    const { min, max } = expected;
    return (
      typeof actual === 'number' &&
      (min === undefined || actual >= min) &&
      (max === undefined || actual <= max)
    );
  }
  return JSON.stringify(expected) === JSON.stringify(actual);
}

function isRange(value: Json): value is JsonObject & { min?: number; max?: number } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const names = Object.keys(value);
  return (
    names.length > 0 &&
    names.every((name) => ['min', 'max'].includes(name) && typeof value[name] === 'number')
  );
}
