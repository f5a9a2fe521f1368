import { describe, expect, it } from 'vitest';
import type { MapNode } from '../../src/declare/node.ts';
import { override, Params, readSettings } from '../../src/declare/params.ts';
import { readYaml } from '../../src/declare/read-yaml.ts';
import { Problems } from '../../src/diagnostics/problems.ts';
import { sourceText } from '../../src/diagnostics/source-text.ts';

function laidOver(base: string, over: string): { values: unknown; told: string[] } {
  const problems = new Problems();
  const read = (name: string, text: string): MapNode =>
    readYaml(sourceText(name, null, text), problems) as MapNode;
  const values = new Params(
    override(read('base', base), read('over', over), problems),
    () => ({ code: 'none', message: 'none' }),
    problems,
  ).all();
  return { values, told: problems.list().map(({ message }) => message) };
}

describe('parameters laid over others', () => {
  const base = 'data: { name: a, subset: { train: 8, test: 4 } }\n';

  it('change key by key what they name, and keep the rest', () => {
    expect(laidOver(base, 'data: { subset: { train: 2 } }')).toEqual({
      values: { data: { name: 'a', subset: { train: 2, test: 4 } } },
      told: [],
    });
    expect(laidOver(base, 'data: { name: b }').values).toEqual({
      data: { name: 'b', subset: { train: 8, test: 4 } },
    });
  });

  it('are another choice, taken whole, where they say another name and more', () => {
    expect(laidOver(base, 'data: { name: b, crop: 32 }')).toEqual({
      values: { data: { name: 'b', crop: 32 } },
      told: [],
    });
  });

  it('may not have keys that the parameters do not have, under the same name', () => {
    expect(laidOver(base, 'data: { name: a, crop: 32 }').told).toEqual(['there is no "crop" in params.data']);
    expect(laidOver(base, 'dta: { name: b, crop: 32 }').told).toEqual(['there is no "dta" in params']);
  });
});

describe('parameters that lead into themselves', () => {
  it.each([
    ['a: "${{ params.a.x }}"', ['params.a -> params.a']],
    ['a: "${{ params.b.x }}"\nb: "${{ params.a.y }}"', ['params.a -> params.b -> params.a']],
    ['a: { x: "${{ params.a.x.y }}" }', ['params.a.x -> params.a.x']],
  ])('are told: %s', (text, circles) => {
    expect(laidOver(text, '{}')).toMatchObject({
      told: circles.map((circle) => `params refer to each other in a circle: ${circle}`),
    });
  });

  it('are not those that lead into another that is a placeholder', () => {
    expect(laidOver('a: "${{ params.b.x }}"\nb: "${{ params.c }}"\nc: { x: 1 }', '{}')).toEqual({
      values: { a: 1, b: { x: 1 }, c: { x: 1 } },
      told: [],
    });
  });
});

describe('a setting', () => {
  it('of what YAML would take for a comment or nothing is the text that it is', () => {
    const problems = new Problems();
    const values = readSettings(['color=#ff0000', 'empty=', 'n= 1'], problems).map((map) =>
      new Params(map, () => ({ code: 'none', message: 'none' }), problems).all(),
    );
    expect(problems.list()).toEqual([]);
    expect(values).toEqual([{ color: '#ff0000' }, { empty: '' }, { n: 1 }]);
  });
});
