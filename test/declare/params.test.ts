import { describe, expect, it } from 'vitest';
import type { MapNode } from '../../src/declare/node.ts';
import { override, Params } from '../../src/declare/params.ts';
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
