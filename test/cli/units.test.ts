import { describe, expect, it } from 'vitest';
import { ago, clock, duration, number, parseSize, size } from '../../src/cli/units.ts';

describe('numbers for people', () => {
  it('are never rounded up into the next unit without its name', () => {
    expect([0, 999, 1000, 9994, 9995, 999_499, 999_500, 1e9, 2.5e12].map(size)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '10.0 kB',
      '10 kB',
      '999 kB',
      '1.0 MB',
      '1.0 GB',
      '2.5 TB',
    ]);
    expect([0, 59_940, 59_960, 61_000, 3_599_400, 3_599_600, 7_620_000].map(duration)).toEqual([
      '0.0 s',
      '59.9 s',
      '1 min 00 s',
      '1 min 01 s',
      '59 min 59 s',
      '1 h 00 min',
      '2 h 07 min',
    ]);
    expect([-5, 7000, 760_000, 3_729_000].map(clock)).toEqual(['0:00', '0:07', '12:40', '1:02:09']);
  });

  it('have no needless zeros', () => {
    expect([0.0123, 1.5e-7, 12000, 0, -0.1 - 0.2, Number.NaN].map((value) => number(value))).toEqual([
      '0.0123',
      '1.5e-7',
      '12000',
      '0',
      '-0.3',
      'NaN',
    ]);
  });

  it('tell how long ago something was, in whole units', () => {
    const [minute, hour] = [60_000, 3_600_000];
    expect([-1, 29_000, minute, 2 * minute - 1000, 59 * minute, hour, 25 * hour, 72 * hour].map(ago)).toEqual(
      [
        'just now',
        'just now',
        '1 minute ago',
        '1 minute ago',
        '59 minutes ago',
        '1 hour ago',
        '1 day ago',
        '3 days ago',
      ],
    );
  });
});

describe('sizes', () => {
  it('are read with their units, of 1000 or of 1024', () => {
    const sizes = {
      '4096': 4096,
      '500MB': 5e8,
      '10 GB': 1e10,
      '1.5GiB': 1.5 * 2 ** 30,
      '2k': 2000,
      '1TiB': 2 ** 40,
    };
    for (const [text, bytes] of Object.entries(sizes)) expect(parseSize(text), text).toBe(bytes);
    for (const text of ['', 'MB', '-1', '1e3', '5 parsecs', '1.GB', 'NaN'])
      expect(parseSize(text), text).toBeUndefined();
  });
});
