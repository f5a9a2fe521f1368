import { describe, expect, it } from 'vitest';
import { toJson } from '../../src/declare/node.ts';
import { readYaml } from '../../src/declare/read-yaml.ts';
import { Problems } from '../../src/diagnostics/problems.ts';
import { sourceText } from '../../src/diagnostics/source-text.ts';

function read(text: string) {
  const problems = new Problems();
  const node = readYaml(sourceText('f.yaml', null, text), problems);
  return { value: node && toJson(node), codes: problems.list().map(({ code }) => code) };
}

describe('YAML is read as it was written', () => {
  it('names keys by their text, whatever YAML would make of it', () => {
    expect(Object.keys(read('1.0: a\n0x10: b\n1e3: c\ntrue: d\n~: e\n').value as object)).toEqual([
      '1.0',
      '0x10',
      '1e3',
      'true',
      '~',
    ]);
    expect(read('1: a\n"1": b\n').codes).toEqual(['duplicate-key']);
    expect(read('1.0: a\n1: b\n').codes).toEqual([]);
    expect(read('__proto__: 1\n').codes).toEqual(['bad-key']);
  });

  it('has one zero, because two would be two keys', () => {
    const { value } = read('[-0, -0.0, 0]');
    for (const zero of value as number[]) expect(Object.is(zero, 0)).toBe(true);
  });

  it('takes whole numbers that can be held exactly, however they are written', () => {
    expect(read('[0x1FFFFFFFFFFFFF, 0o17, 1e30]')).toEqual({ value: [2 ** 53 - 1, 15, 1e30], codes: [] });
    for (const text of ['9007199254740993', '0x1FFFFFFFFFFFFFFFFFFF', '0o7777777777777777777777'])
      expect(read(`[${text}]`).codes, text).toEqual(['inexact-number']);
  });

  it('merges what a mapping does not say itself, the first of several first', () => {
    const { value, codes } = read(
      'a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc: { <<: [*a, *b], x: 3 }\nd: { <<: 7 }\ne: { "<<": 7 }\n',
    );
    expect(value).toMatchObject({ c: { x: 3, y: 1, z: 2 }, e: { '<<': 7 } });
    expect(codes).toEqual(['bad-merge']);
  });

  it('takes the newest of two anchors of one name, and none that comes later', () => {
    expect(read('[&a 1, *a, &a 2, *a]').value).toEqual([1, 1, 2, 2]);
    expect(read('[*a, &a 1]').codes).toEqual(['unknown-alias']);
    expect(read('a: &a [1, *a]').codes).toEqual(['alias-cycle']);
  });
});
