import { describe, expect, it } from 'vitest';
import { type FactTypes, isOfType, typeOfFact, whatIsWrongWith } from '../../src/kind/fact-types.ts';
import { categories } from '../../stages/classify/category.ts';
import { factTypes as ofClassify } from '../../stages/classify/stage.ts';
import { factTypes as ofEvaluate } from '../../stages/evaluate/stage.ts';

describe('the types of facts', () => {
  it('are found by name, by the start of a group, and never by what every object has', () => {
    const types: FactTypes = { mean: 'number', 'mean-*': 'text' };
    expect(typeOfFact('mean', types)).toBe('number');
    expect(typeOfFact('mean-0.1', types)).toBe('text');
    expect(typeOfFact('toString', types)).toBeUndefined();
  });

  it('say of a value whether it can be one', () => {
    expect([isOfType(1, 'number'), isOfType('1', 'number'), isOfType(null, 'number')]).toEqual([
      true,
      false,
      false,
    ]);
    expect([isOfType('a', 'text'), isOfType('a', ['a', 'b']), isOfType('c', ['a', 'b'])]).toEqual([
      true,
      true,
      false,
    ]);
    expect(isOfType({ a: 1 }, 'any')).toBe(true);
  });

  it('are refused where they are none', () => {
    expect(whatIsWrongWith({ a: 'number', b: ['x'] })).toBeNull();
    expect(whatIsWrongWith(['a'])).toContain('must be an object');
    expect(whatIsWrongWith({ a: 'nubmer' })).toContain('"a" must be');
    expect(whatIsWrongWith({ a: [] })).toContain('"a" must be');
  });

  it('of curves list every category', () => {
    for (const types of [ofClassify, ofEvaluate]) expect(types.category).toEqual([...categories, 'mixed']);
  });
});
