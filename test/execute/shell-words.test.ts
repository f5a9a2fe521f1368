import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quote, wordsOf } from '../../src/execute/shell-words.ts';

function shell(text: string): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', text], { encoding: 'utf8' });
  return { status, stdout };
}

/** As the launcher starts it. */
function started(text: string): { status: number | null; stdout: string } {
  return shell(`( cd / && exec ${wordsOf(text)} )`);
}

describe('the words of a command', () => {
  it('are the command itself where it is one plain program with plain arguments', () => {
    for (const text of [
      'sort -n a.txt',
      "  sed 's/a b/c/' ../in/x.csv\n",
      'tool --level=3 -o out.txt',
      './run.sh',
    ])
      expect(wordsOf(text)).toBe(text.trim());
  });

  it('ask for a shell wherever one would do more than start a program', () => {
    const needy = [
      'a; b',
      'a\nb',
      'a | b',
      'a > b',
      'a && b',
      'a $X',
      'a *.txt',
      'a ~/x',
      'a `b`',
      'a "b"',
      'a # b',
      'X=1 a',
      '! a',
      'a \\b',
      'a {b,c}',
      'a [b]',
      'a b?',
      'cd x',
      'exit 3',
      'echo a',
      'test a',
      '. ./x',
      ': a',
      'if true',
      "'a b' c",
      '-x',
      '',
    ];
    for (const text of needy) expect(wordsOf(text), text).toMatch(/^\/bin\/sh -c /);
  });

  it('give what `sh -c` gives', () => {
    const texts = [
      "printf '%s|' a 'b c' d=e",
      "env printf '%s|' a 'b c' d=e f:g,h@i%j+k",
      'expr 3 + 4',
      'exit 3',
      'no-such-program-anywhere x',
      '/no/such/program',
      'cat /dev/null',
      'false',
      "awk 'BEGIN { print 6 * 7; exit 5 }'",
      "x='it'\"'\"'s'; echo \"$x\"\necho second",
      'echo unbalanced )',
      "echo 'unclosed",
      'set -e\nfalse\necho not reached',
      'kill -9 $$',
    ];
    for (const text of texts) {
      // A shell tells a signal of its own by 128 and the number, once it is somebody's child.
      const expected = shell(`/bin/sh -c ${quote(text)}`);
      expect(started(text), text).toEqual(expected);
    }
  });

  it('are none where the text is longer than an argument may be', () => {
    expect(wordsOf(`a; b ${'x'.repeat(120_000)}`)).toBeNull();
  });

  it('quote every text so that the shell reads it back', () => {
    for (const text of ['plain', 'with space', "it's", 'a\nb', '$HOME `x` "y" \\', '', 'ü–∂'])
      expect(shell(`printf %s ${quote(text)}`).stdout).toBe(text);
  });
});
