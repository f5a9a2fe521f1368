import { describe, expect, test } from 'vitest';
import { philox4x32, Random } from '../../src/util/random.ts';

describe('random numbers', () => {
  test('Philox4x32-10 gives the published answers', () => {
    const out = new Uint32Array(4);
    const answer = (c: [number, number, number, number], k: [number, number]): string => {
      philox4x32(c, k, out);
      return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
    };
    const ones = 0xffffffff;
    expect(answer([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(answer([ones, ones, ones, ones], [ones, ones])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(answer([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });

  test('a stream gives these numbers for ever', () => {
    const name = [1, 'train', 'shuffle', 3];
    expect([...new Random(name).permutation(10)]).toEqual([8, 0, 6, 7, 4, 1, 3, 2, 9, 5]);
    expect([...new Random([1, 'a']).gaussians(3)]).toEqual([
      1.2836503982543945, 0.779627799987793, 1.0440963506698608,
    ]);
    expect(new Random([1]).uniform()).toBe(0.5992122762464721);
  });

  test('streams of different names are independent, and no draw moves another', () => {
    const a = new Random([1, 'a']);
    const b = new Random([1, 'b']);
    const expected = [...new Random([1, 'b']).gaussians(4)];
    a.gaussians(1001);
    expect([...b.gaussians(4)]).toEqual(expected);
    // The same parts cut otherwise are another name.
    expect(new Random(['1', 'a']).uint32()).not.toBe(new Random([1, 'a']).uint32());
    expect(new Random(['ab']).uint32()).not.toBe(new Random(['a', 'b']).uint32());
    expect(() => new Random([1.5])).toThrow(RangeError);
    const n = 100_000;
    const x = new Random([2, 'x']).gaussians(n);
    const y = new Random([2, 'y']).gaussians(n);
    const correlation = x.reduce((sum, value, i) => sum + value * y[i]!, 0) / n;
    expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(n));
  });

  test('Gaussians have the moments and the tails of a normal distribution', () => {
    const n = 400_000;
    const values = new Random([3, 'moments']).gaussians(n);
    const moment = (power: number): number => values.reduce((sum, z) => sum + z ** power, 0) / n;
    // Standard errors of the first four moments: √(1, 2, 15, 96)/√n; four of them.
    expect(Math.abs(moment(1))).toBeLessThan((4 * 1) / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan((4 * Math.sqrt(2)) / Math.sqrt(n));
    expect(Math.abs(moment(3))).toBeLessThan((4 * Math.sqrt(15)) / Math.sqrt(n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan((4 * Math.sqrt(96)) / Math.sqrt(n));
    const share = values.filter((z) => Math.abs(z) > 1.959964).length / n;
    expect(Math.abs(share - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / n));
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('uniform numbers fill their range evenly', () => {
    const random = new Random([4]);
    const n = 100_000;
    const counts = new Float64Array(20);
    for (let i = 0; i < n; i++) counts[Math.floor(random.uniform() * 20)]!++;
    const chi2 = counts.reduce((sum, count) => sum + (count - n / 20) ** 2 / (n / 20), 0);
    // The 99.9th percentile of χ² with 19 degrees of freedom.
    expect(chi2).toBeLessThan(43.8);
    expect(() => random.below(0)).toThrow(RangeError);
    const faces = new Float64Array(3);
    for (let i = 0; i < 30_000; i++) faces[random.below(3)]!++;
    expect(Math.max(...faces) - Math.min(...faces)).toBeLessThan(600);
  });

  test('a permutation holds every number once, each as likely in each place', () => {
    const random = new Random([5]);
    const places = Array.from({ length: 5 }, () => new Float64Array(5));
    for (let i = 0; i < 5_000; i++) {
      const order = [...random.permutation(5)];
      if (i % 100 === 0) expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach((value, place) => {
        places[place]![value]!++;
      });
    }
    for (const counts of places) for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });
});
