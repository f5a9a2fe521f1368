import { describe, expect, it } from 'vitest';
import { verticalTicks } from '../../src/figure/axes.ts';
import { font, textWidth, wrapText } from '../../src/figure/fonts.ts';
import { literal, parseMath, plainText } from '../../src/figure/math-text.ts';
import { axisTicks, domainOf, numberText, scaleOf } from '../../src/figure/scale.ts';

describe('mathematics in texts', () => {
  it('sets letters in italics and digits upright, with scripts', () => {
    expect(parseMath('$λ_{12}^k$')).toEqual([
      { text: 'λ', italic: true, shift: 0 },
      { text: '12', italic: false, shift: -1 },
      { text: 'k', italic: true, shift: 1 },
    ]);
  });

  it('turns small digits of Unicode into real scripts, and lone Greek letters into italics', () => {
    expect(parseMath('λ₁ of αβ')).toEqual([
      { text: 'λ', italic: true, shift: 0 },
      { text: '1', italic: false, shift: -1 },
      { text: ' of αβ', italic: false, shift: 0 },
    ]);
  });

  it('keeps words upright inside scripts', () => {
    expect(parseMath('$θ_{\\text{next}}$')[1]).toEqual({ text: 'next', italic: false, shift: -1 });
  });

  it('writes true minus signs and primes', () => {
    expect(plainText("$-g'$")).toBe('−g′');
  });

  it('sets relations apart by thin spaces, where no space stands and something is on that side', () => {
    expect(plainText('$E=10$')).toBe('E\u2009=\u200910');
    expect(plainText('$s = 1$, $a <b$')).toBe('s = 1, a <\u2009b');
    expect(plainText('$=5$')).toBe('=\u20095');
    expect(plainText('$x_{i=1}$')).toBe('xi=1');
    expect(plainText('a=b')).toBe('a=b');
  });

  it('leaves dollar signs alone that stand alone or are meant', () => {
    expect(plainText('5 $')).toBe('5 $');
    expect(plainText(literal('a$b$c'))).toBe('a$b$c');
  });
});

describe('widths', () => {
  it('are those of the font files', () => {
    // DejaVu Sans: the advance of a digit is 1303 of 2048 units.
    expect(textWidth('0', 2048)).toBe(1303);
    expect(textWidth('−10', 10)).toBeCloseTo((1716 + 2 * 1303) / 204.8, 9);
  });

  it('bound the lines of wrapped text', () => {
    const lines = wrapText('some words and $a + b$ and averylongwordwithoutanyspace', 8, 60);
    expect(lines.join(' ')).toContain('$a + b$');
    for (const line of lines) expect(textWidth(line, 8)).toBeLessThanOrEqual(60);
  });
});

describe('widths', () => {
  it.each([
    'Evaluated: on cifar10-mini, train split, 2,048 images (AVATAR, To, fi, ffl).',
    ' two  spaces ',
    '−0.5',
  ])('are those of the whole line: %s', (text) => {
    const { unitsPerEm } = font('regular');
    expect(textWidth(text, 10)).toBeCloseTo(
      (10 * font('regular').layout(text).advanceWidth) / unitsPerEm,
      12,
    );
  });
});

describe('ticks', () => {
  const always = (): boolean => true;
  const texts = (kind: 'linear' | 'log', domain: [number, number], count: number): string[] =>
    axisTicks(scaleOf(kind, domain), count, always)
      .list.map((t) => t.text)
      .filter((t) => t !== '');

  it('are two at least where two have room, on axes where as few as are wanted would be one', () => {
    expect(texts('linear', [0.2, 3.4], 2)).toEqual(['1', '2', '3']);
    expect(texts('log', [0.2, 3.4], 2)).toEqual(['0.3', '1', '3']);
    const one = axisTicks(scaleOf('linear', [0.2, 3.4]), 2, (list) => list.length < 2);
    expect(one.list.map((t) => t.text)).toEqual(['2']);
  });

  it('stand at round numbers with equal decimals and true minus signs', () => {
    expect(texts('linear', [-1.05, 1.05], 5)).toEqual(['−1.0', '−0.5', '0.0', '0.5', '1.0']);
  });

  it('leave a power of ten to the axis label where numbers are large', () => {
    const ticks = axisTicks(scaleOf('linear', [0, 4.1e6]), 5, always);
    expect([ticks.exponent, ...ticks.list.map((t) => t.text)]).toEqual([6, '0', '1', '2', '3', '4']);
  });

  it('are decades on a log scale, or 1, 2, 5 within one', () => {
    expect(texts('log', [0.05, 200], 5)).toEqual(['$10^{-1}$', '$10^{0}$', '$10^{1}$', '$10^{2}$']);
    expect(texts('log', [1.1, 7], 3)).toEqual(['2', '5']);
  });

  it.each([0, -1])('are none on a log scale that begins at %d', (low) => {
    expect(axisTicks(scaleOf('log', [low, 3]), 5, always).list).toEqual([]);
  });

  it('of counts are whole numbers, however few there are', () => {
    const counts = (high: number) =>
      verticalTicks(scaleOf('linear', [0, high]), 100, true).list.map((t) => t.text);
    expect(counts(1.06)).toEqual(['0', '1']);
    expect(counts(3.2)).toEqual(['0', '1', '2', '3']);
  });

  it('have equal decimals on a logarithmic scale of less than a decade', () => {
    expect(texts('log', [1.88, 2.34], 5)).toEqual(['1.9', '2.0', '2.1', '2.2', '2.3']);
    expect(texts('log', [1.88e-6, 2.34e-6], 5)[1]).toBe('2×$10^{-6}$');
  });

  it('become fewer until they fit', () => {
    const fewer = axisTicks(scaleOf('linear', [0, 10]), 10, (list) => list.length <= 3);
    expect(fewer.list.map((t) => t.text)).toEqual(['0', '5', '10']);
  });
});

describe('domains', () => {
  it('cover the values with a margin and pass over what is not finite', () => {
    expect(domainOf('linear', [0, 10, Number.NaN, Infinity], 0.1)).toEqual([-1, 11]);
  });
  it('give a constant some room, and nothing at all a unit', () => {
    expect(domainOf('linear', [2], 0.1)).toEqual([1.9, 2.1]);
    expect(domainOf('linear', [], 0.1)).toEqual([0, 1]);
  });
  it('pass over zero on a log scale', () => {
    const [low, high] = domainOf('log', [0, 1, 100], 0);
    expect(low).toBeCloseTo(1, 12);
    expect(high).toBeCloseTo(100, 9);
  });
});

describe('numbers in print', () => {
  it.each([
    [0, '0'],
    [-0.25, '−0.25'],
    [12500, '12500'],
    [2.5e-7, '2.5×$10^{−7}$'],
    [1e9, '$10^{9}$'],
    [9.996e-8, '$10^{−7}$'],
    [-1.23456e-5, '−1.23×$10^{−5}$'],
  ])('%d', (value, text) => {
    expect(plainText(numberText(value))).toBe(plainText(text));
  });

  it('have as many digits as are asked for where powers of ten are written out', () => {
    expect(plainText(numberText(-1.2345678e-5, 6))).toBe(plainText('−1.23457×$10^{−5}$'));
  });
});
