import { describe, expect, it } from 'vitest';
import { figureScene } from '../../src/figure/draw.ts';
import type { Figure, LineMark, PlanePanel, RuleMark } from '../../src/figure/figure.ts';
import { plainText } from '../../src/figure/math-text.ts';
import { textsOf } from '../../src/figure/text-box.ts';
import { collisions } from './overlap.ts';

const line = (style: number, label: string): LineMark => ({
  type: 'line',
  x: [-1, 0, 1],
  y: [3 + style, 1, 2],
  style,
  label,
});
const chance: RuleMark = { type: 'rule', axis: 'y', at: 2.3, role: 'level', label: 'log $C$' };
const panel = (labels: readonly string[], more: Partial<PlanePanel> = {}): PlanePanel => ({
  x: { label: '$λ$', scale: 'linear' },
  y: { label: 'loss', scale: 'linear' },
  legend: true,
  marks: [chance, ...labels.map((label, style) => line(style, label))],
  ...more,
});
const figure = (panels: readonly PlanePanel[], columns: number): Figure => ({
  width: 400,
  frame: { aspect: 0.75 },
  columns,
  panels,
});
const said = (given: Figure, text: string): number =>
  textsOf(figureScene(given).items).filter((item) => plainText(item.text) === text).length;
const highest = (given: Figure, text: string): number =>
  Math.min(...textsOf(figureScene(given).items).flatMap((t) => (t.text === text ? [t.y] : [])));

describe('what panels would say alike', () => {
  it('is a legend below them where all have the same, and one a frame where they differ', () => {
    const alike = figure([panel(['train', 'test']), panel(['train', 'test'])], 2);
    expect(said(alike, 'train')).toBe(1);
    // Below the label of the x axis, so in no frame.
    expect(highest(alike, 'train')).toBeGreaterThan(highest(alike, '$λ$'));
    expect(collisions(figureScene(alike))).toEqual([]);
    const different = figure([panel(['train', 'test']), panel(['train', 'valid'])], 2);
    expect(said(different, 'train')).toBe(2);
    const silent = panel(['other', 'names'], { legend: false });
    expect(said(figure([panel(['train', 'test']), silent, panel(['train', 'test'])], 3), 'train')).toBe(1);
    expect(said(figure([panel(['train', 'test']), silent], 2), 'train')).toBe(1);
    expect(said(figure([silent, silent], 2), 'other')).toBe(0);
  });

  it('is the name of a level in the key where it stands in several columns, beside the frame in one', () => {
    const three = [panel(['a']), panel(['b']), panel(['c'])];
    expect(said(figure(three, 3), 'log C')).toBe(1);
    expect(said(figure(three, 1), 'log C')).toBe(3);
    const outside = figure([panel(['a'], { y: { label: 'loss', scale: 'linear', domain: [0, 2] } })], 1);
    expect(said(outside, 'log C')).toBe(0);
    const nowhere = figure([outside.panels[0] as PlanePanel, outside.panels[0] as PlanePanel], 2);
    expect(said(nowhere, 'log C')).toBe(0);
  });
});

describe('labels of axes', () => {
  const named = (label: string): PlanePanel => panel(['a'], { x: { label, scale: 'linear' } });

  it('stand below every panel of a row or below none', () => {
    const same = figure([named('first'), named('second'), named('first'), named('second')], 2);
    expect(said(same, 'first')).toBe(1);
    expect(said(same, 'second')).toBe(1);
    const mixed = figure([named('first'), named('second'), named('first'), named('third')], 2);
    expect(said(mixed, 'first')).toBe(2);
    // The last row is shorter: the panel that has nothing below brings its whole row to have labels.
    const short = figure([named('first'), named('first'), named('first')], 2);
    expect(said(short, 'first')).toBe(3);
  });
});
