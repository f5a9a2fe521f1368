/** What lies under a pointer. It is found without a browser, and so tested without one. */
import { numberText } from '../scale.ts';

/** What a pointer has found. */
export interface Found {
  /** Lines for people: what it is, where, its value. */
  readonly lines: readonly string[];
  readonly source: string | undefined;
  /** Where on the page. */
  readonly at: readonly [number, number];
}

/** Points of the page within which a sample counts as pointed at. */
export const reach = 14;
/** A number in plain text, where exponents have characters of their own. */
export const say = (value: number): string =>
  numberText(value, 6).replace(
    /\$10\^\{(-?\d+)\}\$/u,
    (_, power: string) => `10${power.replace(/./gu, (c) => raised[c]!)}`,
  );
const raised: Readonly<Record<string, string>> = Object.fromEntries(
  [...'-0123456789'].map((c, i) => [c, [...'⁻⁰¹²³⁴⁵⁶⁷⁸⁹'][i]!]),
);
