import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { type Curves, decodeCurves, encodeCurves } from '../../src/landscape/curves.ts';

const curves: Curves = {
  format: 'orograph-curves/1',
  axes: [{ label: 'λ', values: [-1, 0, 1], marks: [{ at: 0, role: 'model', label: 'epoch 1' }] }],
  series: [
    {
      name: '0',
      direction: 'gaussian',
      metrics: {
        loss: [Number.NaN, 1, Number.POSITIVE_INFINITY],
        accuracy: [0, 1, Number.NEGATIVE_INFINITY],
      },
    },
  ],
  classes: 10,
  subject: { network: '3072-128-10', examples: 7 },
};

const [axis] = curves.axes;
const [one] = curves.series;

describe('a curves file', () => {
  test('keeps every number, those that JSON does not have included', () => {
    expect(decodeCurves(encodeCurves(curves))).toEqual(curves);
    expect(() => JSON.parse(encodeCurves(curves))).not.toThrow();
    expect(encodeCurves(decodeCurves(encodeCurves(curves)))).toBe(encodeCurves(curves));
  });

  test('may say nothing of what was evaluated', () => {
    const { subject: _, ...silent } = curves;
    expect(decodeCurves(encodeCurves(silent as Curves)).subject).toEqual({});
  });

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /panel 1 is no curves file: /],
    ['null', null, /format is null/],
    ['another format', { ...curves, format: 'x' }, /format is "x"/],
    ['no axes', { ...curves, axes: [] }, /one or two axes/],
    ['an axis without values', { ...curves, axes: [{}] }, /one or two axes/],
    ['an axis without a label', { ...curves, axes: [{ ...axis, label: undefined }] }, /one or two axes/],
    ['a mark of no role', { ...curves, axes: [{ ...axis, marks: [{ at: 0, label: 'θ' }] }] }, /as its role/],
    ['a mark that is null', { ...curves, axes: [{ ...axis, marks: [null] }] }, /as its role/],
    ['no word on classes', { ...curves, classes: undefined }, /"classes" must be/],
    ['no class at all', { ...curves, classes: 0 }, /"classes" must be/],
    ['no series', { ...curves, series: undefined }, /no series/],
    [
      'a series without loss',
      { ...curves, series: [{ metrics: { accuracy: [1, 1, 1] } }] },
      /series 1 has no loss/,
    ],
    ['a value too few', { ...curves, series: [{ metrics: { loss: [1, 2] } }] }, /list of 3 values/],
    ['a series without a name', { ...curves, series: [{ ...one, name: 1 }] }, /series 1 has no name/],
    [
      'a series without a direction',
      { ...curves, series: [one, { ...one, direction: undefined }] },
      /series 2 has no direction/,
    ],
    ['words', { ...curves, series: [{ metrics: { loss: [1, 2, 'three'] } }] }, /holds no numbers/],
  ])('with %s is refused in words', (_, content, message) => {
    const text = typeof content === 'string' ? content : encodeCurves(content as Curves);
    expect(() => decodeCurves(text, 'panel 1')).toThrow(message);
    expect(() => decodeCurves(text, 'panel 1')).toThrow(UserError);
  });
});
