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

  it('stops aliases of aliases that nest too deep, and tells too many aliases once', async () => {
    const nested = Array.from({ length: 40 }, (_, i) =>
      i === 0 ? 'a0: &a0 1' : `a${i}: &a${i} [[[*a${i - 1}]]]`,
    );
    expect(
      await codesOf(`pipeline: p\nparams: { ${nested.join(', ')} }\nstages:\n${command('s')}`),
    ).toContain('too-deep');
    // A list of 20 levels, within a list of 40 levels and of 45: the file, its params and 62 are 64.
    const list = (levels: number, inner: string) => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`;
    const aliased = (levels: number) =>
      `pipeline: p\nparams:\n  a: &a ${list(20, '1')}\n  b: ${list(levels, '*a')}\nstages:\n${command('s')}`;
    expect(await codesOf(aliased(42))).not.toContain('too-deep');
    expect(await codesOf(aliased(43))).toContain('too-deep');
    const many = `&a [${'1, '.repeat(1000)}1]`;
    const bomb = `pipeline: p\nparams: { a: ${many}, b: [${'*a, '.repeat(1100)}1] }\nstages:\n${command('s')}`;
    expect((await codesOf(bomb)).filter((code) => code === 'alias-expansion')).toHaveLength(1);
  });

  it('stops parameters that stand for parameters: too many values, too deep, too long a text', async () => {
    const chain = (first: string, next: (before: string) => string, steps: number): string =>
      Array.from({ length: steps }, (_, i) =>
        i === 0 ? `  p0: ${first}\n` : `  p${i}: ${next(`\${{ params.p${i - 1} }}`)}\n`,
      ).join('');
    const pipeline = (params: string) => `pipeline: p\nparams:\n${params}stages:\n${command('s')}`;
    const ten = (before: string) => `[${Array(10).fill(`"${before}"`).join(', ')}]`;
    expect(await codesOf(pipeline(chain('[1]', ten, 12)))).toContain('placeholder-expansion');
    const text = (before: string) => `"${before.repeat(10)}"`;
    expect(await codesOf(pipeline(chain('abcdefghij', text, 12)))).toContain('placeholder-expansion');
    const deeper = (before: string) => `${'['.repeat(50)}"${before}"${']'.repeat(50)}`;
    expect(await codesOf(pipeline(chain('1', deeper, 400)))).toContain('too-deep');
    // As large as anybody writes: 100,000 values, and a text of 100,000 characters.
    const large =
      chain('[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]', ten, 5) +
      `  t: ${'x'.repeat(100_000)}\n  u: "\${{ params.t }}"\n`;
    expect(new Set(await codesOf(pipeline(large)))).toEqual(new Set(['unused-param']));
  });

  it('refuses a stage, an axis or a parameter whose name is longer than 100 characters', async () => {
    const long = 'n'.repeat(101);
    const good = 'n'.repeat(100);
    const text = (name: string) =>
      `pipeline: p\nparams: { ${name}: 1 }\nstages:\n${command(name, `, matrix: { ${name}: [1] }`)}`;
    expect(await codesOf(text(good))).toEqual(['unused-param']);
    const report = await told(text(long));
    expect(report.match(/cannot be a name \[bad-name\]/g)).toHaveLength(3);
    expect(report).toContain(`3 |   ${long.slice(0, 20)}`.replace('3', '4'));
    expect(report).toContain('= expected: text of at most 100 characters');
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
