import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { verbs } from '../../src/cli/command-line.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';

const verb = (name: string) => verbs.find((verb) => verb.name === name)!;

function mistakes(name: string, ...words: string[]): string[] {
  try {
    parseArguments(verb(name), words);
  } catch (error) {
    if (error instanceof UserError)
      return error.diagnostics.map((d) => [d.message, d.hint].filter(Boolean).join('; '));
    throw error;
  }
  return [];
}

describe('the words after a verb', () => {
  it('may mix options and arguments in any order', () => {
    const args = parseArguments(verb('run'), [
      '--set',
      'a=1',
      'x.yaml',
      '-j',
      '3',
      'curve',
      '--set=b=-2',
      '-k',
    ]);
    expect(args.positionals).toEqual(['x.yaml', 'curve']);
    expect(args.values('set')).toEqual(['a=1', 'b=-2']);
    expect(args.value('jobs')).toBe('3');
    expect(args.has('keep-going')).toBe(true);
    expect(args.has('json')).toBe(false);
  });

  it('are arguments after a double dash, whatever they look like', () => {
    expect(parseArguments(verb('run'), ['x.yaml', '--', '--odd']).positionals).toEqual(['x.yaml', '--odd']);
  });

  it('are all checked in one pass, with the name that was probably meant', () => {
    expect(mistakes('run', '--profle', 'x', '--engine', 'wsam')).toEqual([
      'run has no option --profle; did you mean "--profile"?',
      '--engine cannot be "wsam"; did you mean "wasm"?',
    ]);
  });

  it('are refused where a value is missing, given to a switch, or given twice', () => {
    expect(mistakes('run', 'x.yaml', '--profile')).toEqual(['--profile needs a value']);
    expect(mistakes('run', 'x.yaml', '--profile', '--json')).toEqual(['--profile needs a value']);
    expect(mistakes('run', 'x.yaml', '--profile', '-k')).toEqual(['--profile needs a value']);
    expect(mistakes('run', 'x.yaml', '--profile=-k')).toEqual([]);
    expect(mistakes('run', 'x.yaml', '--jobs', '2', '--jobs', '2')).toEqual([]);
    expect(mistakes('run', 'x.yaml', '--json=yes')).toEqual(['--json takes no value, but got "yes"']);
    expect(mistakes('run', 'x.yaml', '--jobs', '1', '--jobs', '2')).toEqual([
      '--jobs was given 2 times with different values: 1, 2',
    ]);
  });

  it('are counted and checked against what the verb takes', () => {
    expect(mistakes('run')).toEqual(['run needs FILE']);
    expect(mistakes('why', 'x.yaml', 'a', 'b')).toEqual(['why does not take "b"']);
    expect(mistakes('data', 'gte')).toEqual(['data does not know "gte"; did you mean "get"?']);
    expect(mistakes('run', '--help')).toEqual([]);
  });
});

describe('the grammar', () => {
  it('has no option twice and no short name twice in a verb', () => {
    for (const { options } of verbs) {
      const names = options.flatMap((o) => [o.name, ...('short' in o ? [o.short] : [])]);
      expect(new Set([...names, 'help', 'h', 'version', 'V', 'no-color']).size).toBe(names.length + 5);
    }
  });
});
