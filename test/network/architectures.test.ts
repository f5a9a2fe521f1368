import { describe, expect, test } from 'vitest';
import {
  buildNetwork,
  networkTitle,
  parseNetworkSpec,
  resolveNetwork,
} from '../../src/network/architectures.ts';
import { pytorch } from '../../src/network/import.ts';
import { layered } from '../../src/network/layers/layered.ts';
import { deepResnets } from '../../src/network/network.ts';
import { encodeSafetensors } from '../../src/network/safetensors.ts';
import { sizeOf } from '../../src/network/tensors.ts';

const features = 3 * 224 * 224;
const count = (forms: readonly { readonly shape: readonly number[] }[]): number =>
  forms.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

describe('networks for large images', () => {
  test.each([
    ['mobilenet-v2', 1000, 3_504_872],
    ['mobilenet-v2', 200, 2_480_072],
    ['resnet18', 1000, 11_689_512],
    ['resnet34', 1000, 21_797_672],
    ['resnet50', 1000, 25_557_032],
    ['resnet101', 1000, 44_549_160],
    ['resnet152', 1000, 60_192_808],
    ['resnext50-32x4d', 1000, 25_028_904],
    ['resnext101-32x8d', 1000, 88_791_336],
    ['wide-resnet50-2', 1000, 68_883_240],
    ['wide-resnet101-2', 1000, 126_886_696],
  ] as const)('%s with %i classes has %i parameters, as in torchvision', (name, classes, d) => {
    const network = buildNetwork(resolveNetwork(name, features, classes));
    expect(count(network.parameters)).toBe(d);
    const names = [...network.parameters, ...network.state].map((form) => form.name);
    expect(new Set(names).size).toBe(names.length);
    const { candidates } = pytorch(network, '');
    expect(new Set(names.map((one) => candidates(one).at(-1))).size).toBe(names.length);
    expect(parseNetworkSpec(JSON.stringify(network.spec), 'it')).toEqual(network.spec);
  });

  test('are found under the names of torchvision, in the order of PyTorch', () => {
    const mobile = buildNetwork({ name: 'mobilenet-v2', width: 1, inputs: features, classes: 1000 });
    const named = (network: typeof mobile): string[] =>
      network.parameters.map(({ name }) => pytorch(network, '').candidates(name).at(-1)!);
    expect(named(mobile).slice(0, 12)).toEqual([
      ...['features.0.0.weight', 'features.0.1.weight', 'features.0.1.bias'],
      ...['features.1.conv.0.0.weight', 'features.1.conv.0.1.weight', 'features.1.conv.0.1.bias'],
      ...['features.1.conv.1.weight', 'features.1.conv.2.weight', 'features.1.conv.2.bias'],
      ...['features.2.conv.0.0.weight', 'features.2.conv.0.1.weight', 'features.2.conv.0.1.bias'],
    ]);
    expect(named(mobile).slice(-5)).toEqual([
      ...['features.18.0.weight', 'features.18.1.weight', 'features.18.1.bias'],
      ...['classifier.1.weight', 'classifier.1.bias'],
    ]);
    expect(pytorch(mobile, 'm.').candidates('block3/project/norm/variance')).toEqual([
      'm.features.3.conv.3.running_var',
    ]);
    const deep = buildNetwork(resolveNetwork('resnext101-32x8d', features, 1000));
    expect(named(deep).slice(9, 15)).toEqual([
      ...['layer1.0.conv3.weight', 'layer1.0.bn3.weight', 'layer1.0.bn3.bias'],
      ...['layer1.0.downsample.0.weight', 'layer1.0.downsample.1.weight', 'layer1.0.downsample.1.bias'],
    ]);
    expect(named(deep).at(-1)).toBe('fc.bias');
  });

  test('a ResNeXt-101 32x8d has every tensor of torchvision’s checkpoint, of its shape, and no other', () => {
    const norm = (at: string, c: number): [string, number[]][] =>
      ['weight', 'bias', 'running_mean', 'running_var'].map((role) => [`${at}.${role}`, [c]]);
    const wanted: [string, number[]][] = [['conv1.weight', [64, 3, 7, 7]], ...norm('bn1', 64)];
    let into = 64;
    for (const [s, count] of [3, 4, 23, 3].entries()) {
      // Eight channels a group at 64 planes, 32 groups; what comes out has four times the planes.
      const [width, out] = [8 * 32 * 2 ** s, 256 * 2 ** s];
      for (let b = 0; b < count; b++) {
        const at = `layer${s + 1}.${b}`;
        wanted.push([`${at}.conv1.weight`, [width, into, 1, 1]], ...norm(`${at}.bn1`, width));
        wanted.push([`${at}.conv2.weight`, [width, width / 32, 3, 3]], ...norm(`${at}.bn2`, width));
        wanted.push([`${at}.conv3.weight`, [out, width, 1, 1]], ...norm(`${at}.bn3`, out));
        if (b === 0)
          wanted.push([`${at}.downsample.0.weight`, [out, into, 1, 1]], ...norm(`${at}.downsample.1`, out));
        into = out;
      }
    }
    wanted.push(['fc.weight', [1000, 2048]], ['fc.bias', [1000]]);
    const network = buildNetwork(resolveNetwork('resnext101-32x8d', features, 1000));
    const convention = pytorch(network, '');
    const found = new Map(
      [...network.parameters, ...network.state].map((form) => [
        convention.candidates(form.name).at(-1)!,
        [...convention.shape(form)],
      ]),
    );
    expect(found).toEqual(new Map(wanted));
    const trained = wanted.filter(([name]) => !name.includes('running'));
    expect(network.parameters.map(({ name }) => convention.candidates(name).at(-1))).toEqual(
      trained.map(([name]) => name),
    );
    expect(trained.reduce((sum, [, shape]) => sum + sizeOf(shape), 0)).toBe(88_791_336);
  });

  test('have their titles, and take images of any size, resized where they are asked to', () => {
    expect(deepResnets.map((name) => networkTitle({ name, inputs: features, classes: 2 }))).toContain(
      'ResNeXt-101 32x8d',
    );
    const small = resolveNetwork({ name: 'mobilenet-v2', width: 0.35, size: 96 }, 3072, 10);
    expect(networkTitle(small)).toBe('MobileNetV2-0.35');
    expect(small).toEqual({ name: 'mobilenet-v2', width: 0.35, size: 96, inputs: 3072, classes: 10 });
    expect(count(buildNetwork(small).parameters)).toBe(
      count(buildNetwork({ ...small, inputs: 3 * 96 * 96 } as typeof small).parameters),
    );
    expect(() => resolveNetwork('resnet50', 784, 10)).toThrow(/square images of three channels/);
    for (const wrong of [{ width: 'x' }, { inputs: 100 }, { classes: 0 }, { more: 1 }])
      expect(() => parseNetworkSpec(JSON.stringify({ ...small, ...wrong }), 'it')).toThrow(/does not know/);
  });

  test('start as PyTorch starts them: the same numbers for the same seed, scales 1 and offsets 0', () => {
    const network = buildNetwork({ name: 'mobilenet-v2', width: 0.1, inputs: 3072, classes: 3 });
    const [a, b, c] = [1, 1, 2].map((seed) => network.initialise('he-fan-out', seed));
    const bytes = (tensors = a!): Buffer => Buffer.from(encodeSafetensors({ tensors, metadata: {} }));
    expect(bytes(a).equals(bytes(b))).toBe(true);
    expect(bytes(a).equals(bytes(c))).toBe(false);
    expect(
      new Set(a!.filter(({ name }) => name.endsWith('scale')).flatMap(({ values }) => [...values])),
    ).toEqual(new Set([1]));
    const deep = a!.find(({ name }) => name === 'block17/depthwise/conv/kernel')!;
    const [h, w, , out] = deep.shape as [number, number, number, number];
    const variance = deep.values.reduce((sum, v) => sum + v * v, 0) / deep.values.length;
    // 2/fan-out of nn.init: window times all filters, whatever the groups. One standard error is √(2/n).
    expect(Math.abs(variance / (2 / (h * w * out)) - 1)).toBeLessThan(5 * Math.sqrt(2 / deep.values.length));
  });
});

describe('lists of layers', () => {
  const dense = (name: string, from: string, units: number) => ({
    name,
    from: [from],
    does: { kind: 'dense' as const, units, bias: true },
  });
  test('that do not fit are refused by the name of the layer', () => {
    expect(() => layered([dense('a', 'b', 2)], [4])).toThrow(/layer "a" takes "b", which no layer before it/);
    expect(() => layered([dense('a', 'input', 2), dense('a', 'a', 2)], [4])).toThrow(/stands there twice/);
    const sum = { name: 's', from: ['a', 'b'], does: { kind: 'add' as const } };
    expect(() => layered([dense('a', 'input', 2), dense('b', 'input', 3), sum], [4])).toThrow(
      /"s" joins the shapes \[2\] and \[3\]/,
    );
    const means = { name: 'm', from: ['input'], does: { kind: 'global-average' as const } };
    expect(() => layered([means], [4])).toThrow(/takes maps \[height, width, channels\], not \[4\]/);
  });

  test('must end in one number a class', () => {
    const layers = [dense('a', 'input', 2)];
    expect(() =>
      buildNetwork({ name: 'layers', title: 't', input: [4], layers, inputs: 4, classes: 3 }),
    ).toThrow(/"a", gives \[2\]; one number for each of the 3 classes/);
  });
});
