import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commonOptions, verbs } from '../../src/cli/command-line.ts';
import { overview, verbHelp } from '../../src/cli/help.ts';
import { kindHelp, kindLike, shippedKind } from '../../src/cli/kind-help.ts';
import { noPaint } from '../../src/cli/terminal.ts';
import type { VerbSpec } from '../../src/cli/verb.ts';
import { exitCodes } from '../../src/diagnostics/diagnostic.ts';
import { eventSchemas } from '../../src/events/schema.ts';
import { Kinds } from '../../src/fingerprint/registry.ts';

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** The text under a heading that begins so, up to the next heading. */
function section(heading: string): string {
  const start = text.indexOf(`\n## ${heading}`);
  if (start < 0) return '';
  const end = text.indexOf('\n## ', start + 1);
  return text.slice(start, end < 0 ? undefined : end);
}

describe('docs/cli.md', () => {
  it.each(verbs.map((verb): [string, VerbSpec] => [verb.name, verb]))(
    'tells of %s and all its options',
    (name, verb) => {
      const own = section(`orograph ${name}`);
      expect(own).not.toBe('');
      const shared = section('Options of every verb');
      for (const option of verb.options)
        expect(
          own.includes(`--${option.name}`) || shared.includes(`--${option.name}`),
          `--${option.name}`,
        ).toBe(true);
    },
  );

  it('tells of no verb and no option that does not exist', () => {
    const told = [...text.matchAll(/^## orograph ([a-z]+)/gm)].map((match) => match[1]);
    expect(told.sort()).toEqual(verbs.map(({ name }) => name as string).sort());
    const options = new Set(['--option', ...commonOptions.map(({ name }) => `--${name}`)]);
    for (const verb of verbs as readonly VerbSpec[])
      for (const { name } of verb.options) options.add(`--${name}`);
    for (const [option] of text.matchAll(/--[a-z][a-z-]+/g)) expect(options).toContain(option);
  });

  it('tells of every event with its fields, and every exit code', () => {
    const events = section('Events');
    for (const [type, [, fields]] of Object.entries(eventSchemas)) {
      const row = events.split('\n').find((line) => line.startsWith(`| \`${type}\``)) ?? '';
      for (const field of Object.keys(fields)) expect(row).toContain(`\`${field}\``);
    }
    for (const code of Object.values(exitCodes)) expect(section('Exit codes')).toContain(`| ${code} |`);
  });
});

describe('the help', () => {
  it('names every verb, and of each verb every option', () => {
    for (const verb of verbs as readonly VerbSpec[]) {
      expect(overview(noPaint)).toContain(verb.name);
      for (const { name } of verb.options) expect(verbHelp(verb, noPaint)).toContain(`--${name}`);
    }
  });

  it('names of each kind of stage every input and parameter, with what the schema says of them', async () => {
    const { builtin } = await Kinds.open('');
    for (const name of builtin) {
      const kind = (await shippedKind(name))!;
      const help = kindHelp(name, kind, noPaint);
      for (const word of [...Object.keys(kind.inputs), ...Object.keys(kind.with.properties)])
        expect(help).toContain(`\n  ${word}: `);
    }
    const spectrum = kindHelp('spectrum', (await shippedKind('spectrum'))!, noPaint);
    expect(spectrum).toContain(
      '  iterations: whole number from 1 to 5000 (default 100)\n      Steps of Lanczos',
    );
    expect(spectrum).toContain('  model: checkpoint (needed)\n');
    expect([await kindLike('spectrum'), await kindLike('spectrun')]).toEqual(['spectrum', 'spectrum']);
  });

  it('fits into 110 columns', async () => {
    const helps = (verbs as readonly VerbSpec[]).map((verb) => verbHelp(verb, noPaint));
    const { builtin } = await Kinds.open('');
    for (const name of builtin) helps.push(kindHelp(name, (await shippedKind(name))!, noPaint));
    for (const line of helps.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(110);
  });
});

const folder = new URL('../../docs/', import.meta.url);
describe.each(readdirSync(folder).filter((file) => file.endsWith('.md')))('docs/%s', (file) => {
  it('has tables whose rows have as many cells as their heads', () => {
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
    const cells = (line: string): number => line.replace(/\\\|/g, '').split('|').length;
    for (const [i, line] of lines.entries())
      if (line.startsWith('|') && lines[i - 1]?.startsWith('|'))
        expect(cells(line), line).toBe(cells(lines[i - 1]!));
  });
});
