import { describe, expect, test } from 'vitest';
import {
  buildNetwork,
  networkTitle,
  parseNetworkSpec,
  resolveNetwork,
} from '../../src/network/architectures.ts';
import type { ResnetSpec, Shortcut } from '../../src/network/network.ts';
import { dimension, sizeOf } from '../../src/network/tensors.ts';

const spec = (depth: number, shortcut: Shortcut, classes: number): ResnetSpec => ({
  name: 'resnet',
  depth,
  shortcut,
  inputs: 3072,
  classes,
});

describe('residual networks for CIFAR', () => {
  test.each([
    [20, 'A', 10, 269_722],
    [32, 'A', 10, 464_154],
    [32, 'A', 100, 470_004],
    [32, 'B', 100, 472_756],
    [56, 'A', 100, 858_868],
    [56, 'B', 100, 861_620],
    [56, 'none', 100, 858_868],
    [56, 'B', 10, 855_770],
    [110, 'A', 100, 1_733_812],
    [110, 'B', 100, 1_736_564],
  ] as const)(
    'ResNet-%i with shortcuts %s and %i classes has %i parameters',
    (depth, shortcut, classes, d) => {
      const { parameters, state } = buildNetwork(spec(depth, shortcut, classes));
      expect(parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(d);
      const kernels = parameters.filter(({ shape }) => shape.length === 4).length;
      expect(kernels).toBe(depth - 1 + (shortcut === 'B' ? 2 : 0));
      expect(state).toHaveLength(2 * kernels);
      expect(new Set([...parameters, ...state].map(({ name }) => name)).size).toBe(
        parameters.length + state.length,
      );
    },
  );

  test('name and order their parameters as PyTorch users expect', () => {
    const { parameters, state } = buildNetwork(spec(8, 'B', 10));
    expect(parameters.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toMatchInlineSnapshot(`
      [
        "conv1/kernel 3x3x3x16",
        "norm1/scale 16",
        "norm1/offset 16",
        "stage1/block1/conv1/kernel 3x3x16x16",
        "stage1/block1/norm1/scale 16",
        "stage1/block1/norm1/offset 16",
        "stage1/block1/conv2/kernel 3x3x16x16",
        "stage1/block1/norm2/scale 16",
        "stage1/block1/norm2/offset 16",
        "stage2/block1/conv1/kernel 3x3x16x32",
        "stage2/block1/norm1/scale 32",
        "stage2/block1/norm1/offset 32",
        "stage2/block1/conv2/kernel 3x3x32x32",
        "stage2/block1/norm2/scale 32",
        "stage2/block1/norm2/offset 32",
        "stage2/block1/shortcut/conv/kernel 1x1x16x32",
        "stage2/block1/shortcut/norm/scale 32",
        "stage2/block1/shortcut/norm/offset 32",
        "stage3/block1/conv1/kernel 3x3x32x64",
        "stage3/block1/norm1/scale 64",
        "stage3/block1/norm1/offset 64",
        "stage3/block1/conv2/kernel 3x3x64x64",
        "stage3/block1/norm2/scale 64",
        "stage3/block1/norm2/offset 64",
        "stage3/block1/shortcut/conv/kernel 1x1x32x64",
        "stage3/block1/shortcut/norm/scale 64",
        "stage3/block1/shortcut/norm/offset 64",
        "dense/kernel 64x10",
        "dense/bias 10",
      ]
    `);
    expect(state.slice(-2).map(({ name }) => name)).toEqual([
      'stage3/block1/shortcut/norm/mean',
      'stage3/block1/shortcut/norm/variance',
    ]);
  });

  test('start from streams of their own, with the variance of their fan', () => {
    const network = buildNetwork(spec(20, 'A', 10));
    const he = network.initialise('he', 1);
    expect(dimension(he)).toBe(269_722);
    const deviation = (name: string, init: 'he' | 'he-fan-out' | 'pytorch'): number => {
      const { values } = network.initialise(init, 1).find((tensor) => tensor.name === name)!;
      return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    };
    // A sample's deviation is within a few times 1/√(2n) of the distribution's.
    expect(deviation('stage3/block1/conv1/kernel', 'he') / Math.sqrt(2 / 288)).toBeCloseTo(1, 1);
    expect(deviation('stage3/block1/conv1/kernel', 'he-fan-out') / Math.sqrt(2 / 576)).toBeCloseTo(1, 1);
    expect(deviation('stage3/block1/conv1/kernel', 'pytorch') / Math.sqrt(1 / (3 * 288))).toBeCloseTo(1, 1);
    expect(deviation('dense/bias', 'he')).toBe(0);
    expect(deviation('stage1/block1/norm1/scale', 'he')).toBe(1);
    expect(deviation('stage1/block1/norm1/offset', 'he')).toBe(0);
    // The same tensor whatever else the network holds.
    const deeper = buildNetwork(spec(32, 'B', 100)).initialise('he', 1);
    const name = 'stage2/block2/conv1/kernel';
    expect(deeper.find((t) => t.name === name)).toEqual(he.find((t) => t.name === name));
    expect(network.initialise('he', 2)[0]!.values).not.toEqual(he[0]!.values);
  });

  test('are described by their spec, which is read back from files', () => {
    const resolved = resolveNetwork({ name: 'resnet', depth: 56, shortcut: 'none' }, 3072, 10);
    expect(parseNetworkSpec(JSON.stringify(resolved), 'it')).toEqual(resolved);
    expect(networkTitle(resolved)).toBe('ResNet-56-NS');
    expect(networkTitle(resolveNetwork({ name: 'resnet', depth: 20 }, 3072, 10))).toBe('ResNet-20');
    for (const wrong of [{ depth: 21 }, { depth: 2 }, { shortcut: 'C' }, { inputs: 3000 }, { classes: 0 }])
      expect(() => parseNetworkSpec(JSON.stringify({ ...resolved, ...wrong }), 'it')).toThrow(
        /does not know/,
      );
    expect(() => resolveNetwork({ name: 'resnet', depth: 20 }, 784, 10)).toThrow(/three channels/);
  });
});
