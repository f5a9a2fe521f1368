import { parseArgs } from 'node:util';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { commonOptions } from './command-line.ts';
import type { Arguments, OptionSpec, VerbSpec } from './verb.ts';

/**
 * Reads the words after a verb. Every mistake is reported, not only the first, as a UserError (exit code 2). Node's own
 * parser splits the words: a parser library would take a tenth of the time that a run with nothing to do has.
 */
export function parseArguments(verb: VerbSpec, words: readonly string[]): Arguments {
  const specs = [...verb.options, ...commonOptions];
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      specs.map((spec) => [
        spec.name,
        {
          type: spec.value === undefined ? ('boolean' as const) : ('string' as const),
          multiple: true,
          ...(spec.short === undefined ? {} : { short: spec.short }),
        },
      ]),
    ),
  });

  const mistakes: Diagnostic[] = [];
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = byName.get(token.name);
    if (!spec) mistakes.push(unknownOption(verb, token.rawName, specs));
    else {
      const mistake = checkValue(spec, token.rawName, token.value, token.inlineValue === true);
      if (mistake) mistakes.push(mistake);
      given.set(spec.name, [...(given.get(spec.name) ?? []), token.value ?? '']);
    }
  }
  const wantsHelp = given.has('help') || given.has('version');
  if (!wantsHelp) mistakes.push(...checkPositionals(verb, positionals), ...checkRepeats(byName, given));
  if (mistakes.length > 0) throw new UserError(mistakes);
  return {
    has: (option) => given.has(option),
    value: (option) => given.get(option)?.at(-1),
    values: (option) => given.get(option) ?? [],
    positionals,
  };
}

function unknownOption(verb: VerbSpec, written: string, specs: readonly OptionSpec[]): Diagnostic {
  const names = specs.flatMap((spec) => [`--${spec.name}`, ...(spec.short ? [`-${spec.short}`] : [])]);
  return {
    severity: 'error',
    code: 'unknown-option',
    message: `${verb.name} has no option ${written}`,
    hint: didYouMean(written, names) ?? `orograph ${verb.name} --help lists the options`,
  };
}

function checkValue(
  spec: OptionSpec,
  written: string,
  value: string | undefined,
  inline: boolean,
): Diagnostic | undefined {
  if (spec.value === undefined) {
    if (value === undefined) return undefined;
    return {
      severity: 'error',
      code: 'option-value',
      message: `${written} takes no value, but got "${value}"`,
    };
  }
  // "--profile --json": the user forgot the value; "--profile=--json" says it on purpose.
  if (value === undefined || value === '' || (!inline && value.startsWith('-')))
    return {
      severity: 'error',
      code: 'option-value',
      message: `${written} needs a value`,
      expected: `${written} ${spec.value}`,
    };
  if (spec.choices && !spec.choices.includes(value))
    return {
      severity: 'error',
      code: 'option-value',
      message: `${written} cannot be "${value}"`,
      expected: spec.choices.join(', '),
      ...hinted(didYouMean(value, spec.choices)),
    };
  return undefined;
}

function checkRepeats(
  specs: ReadonlyMap<string, OptionSpec>,
  given: ReadonlyMap<string, readonly string[]>,
): Diagnostic[] {
  return [...given]
    .filter(([name, list]) => {
      const spec = specs.get(name)!;
      return spec.value !== undefined && !spec.repeatable && new Set(list).size > 1;
    })
    .map(([name, list]) => ({
      severity: 'error' as const,
      code: 'option-value',
      message: `--${name} was given ${list.length} times with different values: ${list.join(', ')}`,
    }));
}

function checkPositionals(verb: VerbSpec, words: readonly string[]): Diagnostic[] {
  const mistakes: Diagnostic[] = [];
  verb.arguments.forEach((spec, i) => {
    const word = words[i];
    if (word === undefined) {
      if (!spec.optional)
        mistakes.push({
          severity: 'error',
          code: 'missing-argument',
          message: `${verb.name} needs ${spec.name}`,
          expected: usage(verb),
        });
    } else if (spec.choices && !spec.choices.includes(word))
      mistakes.push({
        severity: 'error',
        code: 'unknown-argument',
        message: `${verb.name} does not know "${word}"`,
        expected: spec.choices.join(', '),
        ...hinted(didYouMean(word, spec.choices)),
      });
  });
  const takesAll = verb.arguments.at(-1)?.many === true;
  if (!takesAll && words.length > verb.arguments.length)
    mistakes.push({
      severity: 'error',
      code: 'too-many-arguments',
      message: `${verb.name} does not take "${words.slice(verb.arguments.length).join(' ')}"`,
      expected: usage(verb),
    });
  return mistakes;
}

/** `orograph run FILE [STAGE...] [options]` */
export function usage(verb: VerbSpec): string {
  const words = verb.arguments.map((spec) => {
    const name = `${spec.choices ? spec.choices.join('|') : spec.name}${spec.many ? '...' : ''}`;
    return spec.optional ? `[${name}]` : name;
  });
  return ['orograph', verb.name, ...words, ...(verb.options.length > 0 ? ['[options]'] : [])].join(' ');
}

function hinted(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}
