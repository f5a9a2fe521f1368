import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { commonOptions, verbs } from '../command-line.ts';
import { namesIn } from '../pipeline-names.ts';
import type { OptionSpec, VerbContext, VerbSpec } from '../verb.ts';

/** `orograph __complete WORD...`: prints what the last word may become, one a line. Never fails. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  for (const candidate of candidates(args.positionals, cwd)) out.line(candidate);
  return exitCodes.good;
}

/** @param words what stands behind `orograph`, up to the cursor; the last is being typed and may be empty. */
export function candidates(words: readonly string[], cwd: string): string[] {
  const verb = words.findIndex((word, i) => i === words.length - 1 || !word.startsWith('-'));
  const line = splitByShell(words.slice(Math.max(0, verb)));
  const last = line.at(-1) ?? '';
  // `--profile=s` in one word: what is completed begins with the option.
  const [, option = '', value] = /^(--[\w-]+=)(.*)$/.exec(last) ?? [];
  const typed = value ?? last;
  const before = [...line.slice(0, -1), ...(value === undefined ? [] : [option.slice(0, -1)])];
  return possible(before, typed, cwd)
    .filter((candidate) => candidate.startsWith(typed) && candidate !== '')
    .map((candidate) => option + candidate);
}

/** Bash hands `--profile=s` over as the words `--profile`, `=` and `s`, and completes the last. */
function splitByShell(words: readonly string[]): string[] {
  const line: string[] = [];
  words.forEach((word, i) => {
    const isLast = i === words.length - 1;
    if (word !== '=' || !line.at(-1)?.startsWith('--')) line.push(word);
    else if (isLast) line.push('');
  });
  return line;
}

function possible(before: readonly string[], typed: string, cwd: string): string[] {
  if (before.length === 0)
    return typed.startsWith('-')
      ? commonOptions.map(({ name }) => `--${name}`)
      : ['help', ...verbs.map(({ name }) => name)];
  if (before[0] === 'help') return before.length === 1 ? verbs.map(({ name }) => name) : [];
  const verb: VerbSpec | undefined = verbs.find(({ name }) => name === before[0]);
  if (!verb) return [];
  const { positionals, open } = walk(verb, before.slice(1));
  const file = positionals[0];
  if (open) return optionValues(open, file, typed, cwd);
  if (typed.startsWith('-'))
    return [...verb.options, ...commonOptions]
      .filter((option) => option.repeatable || !before.includes(`--${option.name}`))
      .map(({ name }) => `--${name}`);
  const argument = verb.arguments[Math.min(positionals.length, verb.arguments.length - 1)];
  if (!argument || (positionals.length >= verb.arguments.length && !argument.many)) return [];
  if (argument.choices) return [...argument.choices];
  return byName(argument.name, file, typed, cwd);
}

/** Which words are arguments, and whether the last is an option that still wants its value. */
function walk(
  verb: VerbSpec,
  words: readonly string[],
): { positionals: string[]; open: OptionSpec | undefined } {
  const positionals: string[] = [];
  let open: OptionSpec | undefined;
  for (const word of words) {
    if (open) open = undefined;
    else if (/^--[\w-]+=/.test(word)) continue;
    else if (word.startsWith('-') && word !== '-') {
      const spec = verb.options.find(({ name, short }) => word === `--${name}` || word === `-${short}`);
      open = spec?.value === undefined ? undefined : spec;
    } else positionals.push(word);
  }
  return { positionals, open };
}

function optionValues(option: OptionSpec, file: string | undefined, typed: string, cwd: string): string[] {
  if (option.choices) return [...option.choices];
  if (option.value === 'NAME') return namesIn(file, 'profiles', cwd);
  if (option.value === 'KEY=VALUE') return namesIn(file, 'params', cwd).map((name) => `${name}=`);
  return byName(option.value ?? '', file, typed, cwd);
}

function byName(name: string, file: string | undefined, typed: string, cwd: string): string[] {
  if (name === 'FILE') return paths(typed, cwd, true);
  if (name === 'DIR') return paths(typed, cwd, false);
  if (name.startsWith('STAGE')) return namesIn(file, 'stages', cwd);
  return [];
}

/** Folders, with a slash so that typing goes on, and pipeline files. */
function paths(typed: string, cwd: string, files: boolean): string[] {
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1);
  try {
    return readdirSync(resolve(cwd, folder || '.'))
      .filter((name) => !name.startsWith('.') && name !== 'node_modules')
      .flatMap((name) => {
        const isFolder = statSync(join(resolve(cwd, folder || '.'), name), {
          throwIfNoEntry: false,
        })?.isDirectory();
        if (isFolder) return [`${folder}${name}/`];
        return files && /\.ya?ml$/.test(name) ? [`${folder}${name}`] : [];
      });
  } catch {
    return [];
  }
}
