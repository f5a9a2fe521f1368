import { describe, expect, it } from 'vitest';
import { bandsOf, barLabels } from '../../src/figure/field/bands.ts';

const labels = (low: number, high: number, height: number, scale: 'linear' | 'log' = 'linear'): string[] =>
  barLabels(bandsOf({ values: [low, high], scale, map: 'viridis' }), height, 7).map(({ text }) => text);

describe('numbers of a colour bar', () => {
  it('have equal decimals, as many as the one that needs most', () => {
    expect(labels(0, 3.4, 400)).toContain('1.0');
    // Every third edge of bands 0.5 wide: to the nearest whole number they would be 2, 4, 5, 7.
    expect(labels(2, 7, 35)).toEqual(['2.0', '3.5', '5.0', '6.5']);
    expect(labels(0, 12, 400)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']);
  });

  it('are each as short as they can be on a logarithmic scale and with powers of ten', () => {
    expect(labels(0.1, 10, 400, 'log')).toEqual(expect.arrayContaining(['0.1', '1', '10']));
    expect(labels(0, 2e7, 400)).toContain('$10^{7}$');
  });
});
