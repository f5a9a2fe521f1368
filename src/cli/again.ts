import type { Arguments } from './verb.ts';

/** Options that decide which pipeline is meant: a command that a hint proposes must have them too. */
const carried = ['profile', 'set', 'engine', 'cache', 'artifacts'] as const;

/** A command line to type next, with the options of this one: `orograph why fig.yaml curve --profile smoke`. */
export function again(args: Arguments, ...words: readonly string[]): string {
  const options = carried.flatMap((name) => args.values(name).flatMap((value) => [`--${name}`, value]));
  return ['orograph', ...words, ...options].map(quoted).join(' ');
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
