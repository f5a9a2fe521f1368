import { describe, expect, it } from 'vitest';
import { goodPlan, planFiles, told } from './workspace.ts';

const codesOf = async (text: string): Promise<string[]> =>
  (await planFiles({ 'pipeline.yaml': text })).diagnostics.map(({ code }) => code);
const command = (name: string, more = '') => `  ${name}: { command: x, outputs: { o: f }${more} }\n`;

describe('a file has limits, and each is told', () => {
  it('stops aliases that ask for a billion values', async () => {
    // Nine lists of nine aliases each: 9^9 values from four hundred bytes.
    const levels = Array.from({ length: 9 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]'
        : `a${i}: &a${i} [${Array(9)
            .fill(`*a${i - 1}`)
            .join(', ')}]`,
    );
    expect(
      await codesOf(`pipeline: p\nparams: { ${levels.join(', ')} }\nstages:\n${command('s')}`),
    ).toContain('alias-expansion');
  });

  it('stops values that are nested too deep, without a stack overflow', async () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    expect(await codesOf(`pipeline: p\nparams: { a: ${deep} }\nstages:\n${command('s')}`)).toEqual([
      'too-deep',
    ]);
  });

  it('refuses a file of more than 16 MB unread', async () => {
    expect(await codesOf(`pipeline: p\n# ${'x'.repeat(16 * 1024 * 1024)}\n`)).toEqual(['file-too-large']);
  });

  it('refuses more than 100,000 instances, of a matrix and of all stages together', async () => {
    const axis = `[${Array.from({ length: 400 }, (_, i) => i).join(',')}]`;
    const square = command('s', `, matrix: { a: ${axis}, b: ${axis} }`);
    expect(await codesOf(`pipeline: p\nstages:\n${square}`)).toEqual(['too-many-instances']);
    const strip = `, matrix: { a: ${axis}, b: [${Array.from({ length: 200 }, (_, i) => i).join(',')}] }`;
    expect(await codesOf(`pipeline: p\nstages:\n${command('s', strip)}${command('t', strip)}`)).toEqual([
      'too-many-instances',
    ]);
  });
});

describe('a file may come from any editor', () => {
  const text = `pipeline: p\nparams: { n: 1 }\nstages:\n${command('s')}`;

  it('reads a byte order mark and CRLF as if they were not there', async () => {
    const plain = await goodPlan(text);
    const windows = await goodPlan(`\uFEFF${text.replaceAll('\n', '\r\n')}`);
    expect(windows.instances).toEqual(plain.instances);
  });

  it('points at the right column behind tabs, wide characters and a byte order mark', async () => {
    const report = await told(
      '\uFEFFpipeline: p\r\nstages:\r\n  s: { command: "\u5024\u{1F600}\tx", outputs: { o: f }, tmeout: 3 }\r\n',
    );
    expect(report).toContain('pipeline.yaml:3:45: error: unknown key "tmeout"');
    const [, shown, squiggle] = /\n 3 \| (.*)\n {3}\| ( *\^+)\n/.exec(report)!;
    expect(shown).not.toContain('\t');
    // On a terminal the two wide characters take two columns each.
    expect(squiggle!.indexOf('^')).toBe(shown!.indexOf('tmeout') + 1);
  });

  it('says that a tab cannot indent', async () => {
    const report = await told('pipeline: p\nstages:\n\ts: { command: x }\n');
    expect(report).toContain('pipeline.yaml:3:1: error: not valid YAML: tabs are not allowed as indentation');
  });
});
