import { describe, expect, it } from 'vitest';
import { hashOfDefinition, itemKey, stageKey } from '../../src/fingerprint/key.ts';
import type { Instance } from '../../src/plan/plan.ts';

const digest = (letter: string) => letter.repeat(64) as never;
const instance: Instance = {
  id: 'curve[seed=1]',
  stage: 'curve',
  axes: { seed: 1 },
  kind: 'evaluate',
  params: { points: 61, range: [-1, 2] },
  inputs: {
    model: {
      many: false,
      sources: [{ from: 'stage', instance: 'model', output: 'checkpoints', member: '10' }],
    },
    x: { many: false, sources: [{ from: 'stage', instance: 'towards', output: 'direction', member: null }] },
  },
  outputs: { curves: { type: 'curves', extension: '.json', description: 'what it is' } },
  env: {},
  tensors: true,
  resources: { cpu: 1, memory: 0, gpu: 0 },
  timeout: null,
  retries: 0,
  expect: { category: 'w-basin' },
  folder: 'curve/seed=1',
  at: { file: 'a.yaml', line: 1, column: 1, length: 1 },
};
const parts = {
  code: { digest: digest('c'), files: {}, packages: {} },
  inputs: {
    model: [{ digest: digest('1'), form: 'checkpoint', label: 'model.checkpoints/10' }],
    x: [{ digest: digest('2'), form: 'direction', label: 'towards' }],
  },
  files: { 'cifar10-mini/train.bin': digest('3') },
  engine: { name: 'wasm', version: '4.22.0' },
};
const key = (change: Partial<Instance> = {}, changed: Partial<typeof parts> = {}, version = 1) =>
  stageKey(hashOfDefinition({ ...instance, ...change }, version), { ...parts, ...changed });

describe('a stage key', () => {
  it('is pinned: whoever changes it raises keyFormat and says so in the CHANGELOG', () => {
    expect(key()).toMatchInlineSnapshot(`"02693c7a519ea190bdff6e27e29beb0b3df42a3b9fedb98756bb54c47c72a2e8"`);
    expect(
      stageKey(
        hashOfDefinition({ ...instance, kind: 'command', params: { command: 'true' }, inputs: {} }, 1),
        {
          code: null,
          inputs: {},
          files: {},
          engine: null,
        },
      ),
    ).toMatchInlineSnapshot(`"bdfc6b14fecabab3114d8683851c2a8157870c8dd92f5c1601f08c62f02ed088"`);
    expect(
      itemKey({ kind: 'train', version: 1, code: digest('c'), engine: null }, { epoch: 3 }),
    ).toMatchInlineSnapshot(`"781281f46863466196611527ace7cf0c64ffb52d75c1b3b45c16be39fb55cf16"`);
  });

  it.each<[string, Partial<Instance>]>([
    ['its name and matrix values', { id: 'other', stage: 'other', axes: {}, folder: 'other' }],
    ['what the paper claims of it', { expect: { category: 'v-basin' } }],
    [
      'timeouts, retries and resources',
      { timeout: 9, retries: 3, resources: { cpu: 2, memory: 100, gpu: 1 } },
    ],
    ['where it stands in the file', { at: { file: 'b.yaml', line: 7, column: 3, length: 2 } }],
    ['the order of parameters', { params: { range: [-1, 2], points: 61 } }],
    ['the order of inputs', { inputs: { x: instance.inputs.x!, model: instance.inputs.model! } }],
    ['an output described in other words', { outputs: { curves: { type: 'curves', extension: '.json' } } }],
  ])('does not depend on %s', (_, change) => {
    expect(key(change)).toBe(key());
  });

  it('does not depend on where an input came from', () => {
    const inputs = {
      ...parts.inputs,
      x: [{ digest: digest('2'), form: 'direction', label: 'another.stage' }],
    };
    expect(key({}, { inputs })).toBe(key());
  });

  it.each<[string, () => string]>([
    ['a parameter', () => key({ params: { points: 41, range: [-1, 2] } })],
    ['the kind', () => key({ kind: 'render' })],
    ['its declared version', () => key({}, {}, 2)],
    ['its code', () => key({}, { code: { ...parts.code, digest: digest('d') } })],
    [
      'the content of an input',
      () =>
        key({}, { inputs: { ...parts.inputs, x: [{ digest: digest('9'), form: 'direction', label: '' }] } }),
    ],
    [
      'what a stage sees of an input besides its content',
      () => key({}, { inputs: { ...parts.inputs, x: [{ ...parts.inputs.x[0]!, form: 'file' }] } }),
    ],
    ['inputs that swap places', () => key({}, { inputs: { model: parts.inputs.x, x: parts.inputs.model } })],
    [
      'a list instead of one artifact',
      () => key({ inputs: { ...instance.inputs, x: { ...instance.inputs.x!, many: true } } }),
    ],
    ['the content of a data set', () => key({}, { files: { 'cifar10-mini/train.bin': digest('4') } })],
    ['the engine', () => key({}, { engine: { name: 'wasm', version: '4.23.0' } })],
    ['a declared variable', () => key({ env: { LANG: 'C' } })],
    [
      'the members of a folder',
      () =>
        key({
          outputs: { curves: { type: 'curves', extension: '.json', folder: true, members: ['1', '2'] } },
        }),
    ],
    ['the name of a file', () => key({}, { files: { 'cifar10/train.bin': digest('3') } as never })],
    ['the name of an output', () => key({ outputs: { grid: instance.outputs.curves! } })],
  ])('changes with %s', (_, other) => {
    expect(other()).not.toBe(key());
  });

  it('tells folders by their members', () => {
    const folder = (...members: string[]) =>
      key({ outputs: { o: { type: 'checkpoint', extension: '.safetensors', members } } });
    expect(new Set([folder('1'), folder('1', '2'), folder('2', '1')]).size).toBe(3);
  });

  it('of an item has all that its stage computes with, and the item', () => {
    const scope = { kind: 'train', version: 1, code: digest('c'), engine: { name: 'wasm', version: '1' } };
    const keys = [
      itemKey(scope, { epoch: 3 }),
      itemKey(scope, { epoch: 4 }),
      itemKey({ ...scope, engine: { name: 'wasm', version: '2' } }, { epoch: 3 }),
      itemKey({ ...scope, engine: null }, { epoch: 3 }),
      itemKey({ ...scope, code: digest('d') }, { epoch: 3 }),
      itemKey({ ...scope, version: 2 }, { epoch: 3 }),
      itemKey({ ...scope, kind: 'mine' }, { epoch: 3 }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('tells one list of two inputs from two lists of one', () => {
    const both = stageKey('d', {
      ...parts,
      inputs: {
        a: [
          { digest: digest('1'), form: 'direction', label: '' },
          { digest: digest('2'), form: 'direction', label: '' },
        ],
      },
    });
    const split = stageKey('d', {
      ...parts,
      inputs: {
        a: [{ digest: digest('1'), form: 'direction', label: '' }],
        b: [{ digest: digest('2'), form: 'direction', label: '' }],
      },
    });
    expect(both).not.toBe(split);
  });
});
