import { resolve } from 'node:path';
import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { readFigure } from '../../run/read-provenance.ts';
import { columns } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';
import { words } from '../views/summary.ts';

/** `orograph provenance FIGURE`: needs the file alone, no workspace. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const [file] = args.positionals as [string];
  const { provenance, text } = await readFigure(resolve(cwd, file), file);
  if (args.has('json')) {
    out.line(text);
    return exitCodes.good;
  }
  if (args.has('pipeline')) {
    out.write(provenance.sources.find(({ path }) => path === provenance.file)?.text ?? '');
    return exitCodes.good;
  }
  const { pipeline, title, profile, set, stage, output, orograph, params, kinds, stages, sources } =
    provenance;
  const { paint } = out;
  out.line(`${paint('bold', `${pipeline}: ${stage}.${output}`)}${title ? `  ${title}` : ''}`);
  const facts: [string, string][] = [
    ['orograph', orograph],
    ...(profile === null ? [] : [['profile', profile] as [string, string]]),
    ...(set.length === 0 ? [] : [['set', set.join(' ')] as [string, string]]),
    ...Object.entries(params).map(([name, value]): [string, string] => [name, words(value)]),
    ...sources.map(({ path, digest }): [string, string] => [path, `sha256 ${digest.slice(0, 16)}`]),
    ...[...new Set(stages.flatMap(({ engine }) => (engine ? [JSON.stringify(engine)] : [])))].map(
      (engine): [string, string] => ['engine', enginesWords(engine)],
    ),
  ];
  for (const line of columns(facts.map(([name, value]) => [paint('dim', name), value]))) out.line(line);
  out.line('');
  const rows = stages.map(({ id, kind, key, outputs }) => [
    id,
    kind,
    paint('dim', `key ${key.slice(0, 12)}`),
    Object.entries(outputs)
      .map(([name, digest]) => `${name} ${digest.slice(0, 12)}`)
      .join('  '),
  ]);
  for (const line of columns(rows)) out.line(line);
  out.line('');
  for (const [kind, { version, code, packages }] of Object.entries(kinds)) {
    const list = Object.entries(packages).map(([name, number]) => `${name} ${number}`);
    out.line(
      `${kind} ${version}  ${paint('dim', `code ${code?.slice(0, 12) ?? 'none'}`)}  ${list.join(', ')}`.trimEnd(),
    );
  }
  return exitCodes.good;
}

const enginesWords = (engine: string): string =>
  Object.entries(JSON.parse(engine) as Record<string, unknown>)
    .map(([name, value]) => (name === 'name' ? String(value) : `${name} ${String(value)}`))
    .join(', ');
