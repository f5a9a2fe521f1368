import { describe, expect, test } from 'vitest';
import { buildNetwork, parseNetworkSpec, resolveNetwork } from '../../src/network/architectures.ts';
import { dimension, norm } from '../../src/network/tensors.ts';

describe('the MLP', () => {
  const network = buildNetwork(resolveNetwork('mlp', 3072, 10));

  test('has the paper’s number of parameters, named and in order', () => {
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['dense1/kernel', [3072, 128]],
      ['dense1/bias', [128]],
      ['dense2/kernel', [128, 10]],
      ['dense2/bias', [10]],
    ]);
    expect(dimension(network.initialise('pytorch', 1))).toBe(394_634);
  });

  test('starts with the variances that each initialisation states', () => {
    const normOfKernel = (init: 'pytorch' | 'he' | 'glorot'): number =>
      norm(network.initialise(init, 3).slice(0, 1));
    expect(normOfKernel('pytorch')).toBeCloseTo(Math.sqrt(128 / 3), 1);
    expect(normOfKernel('he')).toBeCloseTo(Math.sqrt(2 * 128), 1);
    expect(normOfKernel('glorot')).toBeCloseTo(Math.sqrt((2 * 3072 * 128) / (3072 + 128)), 1);
    expect([...network.initialise('he', 3)[1]!.values]).toEqual(Array(128).fill(0));
    const bound = 1 / Math.sqrt(3072);
    expect(network.initialise('pytorch', 3)[1]!.values.every((b) => Math.abs(b) <= bound)).toBe(true);
  });

  test('starts the same for the same seed, and otherwise for another', () => {
    const small = buildNetwork(resolveNetwork('mlp', 12, 4));
    expect(small.initialise('he', 1)).toEqual(small.initialise('he', 1));
    expect(small.initialise('he', 1)[0]!.values[0]).not.toBe(small.initialise('he', 2)[0]!.values[0]);
  });

  test('reads its own spec back and refuses others', () => {
    const spec = resolveNetwork({ name: 'mlp', widths: [64, 32] }, 3072, 10);
    expect(parseNetworkSpec(JSON.stringify(spec), 'file')).toEqual(spec);
    for (const bad of [
      '',
      '{}',
      '[]',
      '{"name":"mlp","widths":[0],"inputs":1,"classes":2}',
      '{"name":"vgg"}',
    ])
      expect(() => parseNetworkSpec(bad, 'file')).toThrow(/file was made for a network/);
  });
});
