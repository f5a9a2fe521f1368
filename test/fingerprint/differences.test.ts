import { expect, it, describe as suite } from 'vitest';
import { describe, differences } from '../../src/fingerprint/differences.ts';
import type { KeyParts } from '../../src/fingerprint/key.ts';

const digest = (letter: string) => letter.repeat(64) as never;
const parts: KeyParts = {
  format: 1,
  kind: 'mine',
  version: 1,
  code: {
    digest: digest('a'),
    files: { 'stages/mine/w-peak.ts': 'x', 'stages/mine/stage.ts': 'y' },
    packages: { yaml: '2.9.0' },
  },
  with: { epochs: 10, nested: { a: 1, b: [1, 2] } },
  outputs: {},
  inputs: { model: [{ digest: digest('3'), form: 'checkpoint', label: 'model.checkpoints/10' }] },
  files: { 'cifar10-mini/train.bin': digest('1') },
  engine: { name: 'wasm', version: '4.22.0' },
  env: { LANG: null },
};
const told = (after: Partial<KeyParts>): string[] => differences(parts, { ...parts, ...after }).map(describe);

suite('what changed between two keys', () => {
  it('is nothing between equal parts', () => {
    expect(told({})).toEqual([]);
  });
  it('names a parameter with its old and new value', () => {
    expect(told({ with: { epochs: 50, nested: { a: 1, b: [1, 3] } } })).toEqual([
      'with.epochs 10 -> 50',
      'with.nested.b [1,2] -> [1,3]',
    ]);
  });
  it('shows where two long texts begin to differ, on one line', () => {
    const before = { ...parts, with: { command: `${'python3 '.repeat(20)}--seed 1\nthen\u001b[2J more` } };
    const after = { ...parts, with: { command: `${'python3 '.repeat(20)}--seed 2\nthen\u001b[2J more` } };
    expect(differences(before, after).map(describe)).toEqual([
      'with.command …hon3 --seed 1␊then␛[2J more -> …hon3 --seed 2␊then␛[2J more',
    ]);
    const long = { ...parts, with: { command: `x${'y'.repeat(100)}` } };
    const other = { ...parts, with: { command: `z${'y'.repeat(100)}` } };
    expect(differences(long, other).map(describe)).toEqual([
      `with.command x${'y'.repeat(56)}… -> z${'y'.repeat(56)}…`,
    ]);
  });
  it('names added and removed parameters', () => {
    expect(told({ with: { nested: { a: 1, b: [1, 2], c: 'x' } } })).toEqual([
      'with.epochs removed (was 10)',
      'with.nested.c added: x',
    ]);
  });
  it('takes names that every object inherits for what they are', () => {
    const named = JSON.parse('{ "toString": 1, "constructor": "x" }') as KeyParts['with'];
    expect(told({ with: named })).toContain('with.toString added: 1');
    expect(differences({ ...parts, with: named }, parts).map(describe)).toContain(
      'with.constructor removed (was x)',
    );
    expect(told({ env: { valueOf: 'x' }, files: { toString: parts.inputs.model![0]!.digest } })).toEqual(
      expect.arrayContaining([expect.stringMatching(/^file toString added: /), 'env valueOf added: x']),
    );
    expect(told({ inputs: { ...parts.inputs, constructor: parts.inputs.model! } })).toEqual([
      expect.stringMatching(/^input constructor .* added: /),
    ]);
  });
  it('names an input by its producer and the beginnings of the digests', () => {
    expect(
      told({
        inputs: { model: [{ digest: digest('9'), form: 'checkpoint', label: 'model.checkpoints/10' }] },
      }),
    ).toEqual(['input model model.checkpoints/10 3333… -> 9999…']);
  });
  it('names what a stage sees of an input besides its content', () => {
    const label = 'table';
    const [before, after] = ['.csv', '.tsv'].map((form) => ({
      ...parts,
      inputs: { t: [{ digest: digest('3'), form, label }] },
    }));
    expect(differences(before!, after!).map(describe)).toEqual(['input t table .csv -> .tsv']);
  });
  it('says nothing of an input that only comes from elsewhere', () => {
    expect(
      told({
        inputs: { model: [{ digest: digest('3'), form: 'checkpoint', label: 'renamed.checkpoints/10' }] },
      }),
    ).toEqual([]);
  });
  it('names the file of code that changed, and packages by version', () => {
    const code = {
      digest: digest('b'),
      files: { ...parts.code!.files, 'stages/mine/w-peak.ts': 'z' },
      packages: { yaml: '2.9.1' },
    };
    expect(told({ code })).toEqual(['code changed: stages/mine/w-peak.ts', 'package yaml 2.9.0 -> 2.9.1']);
  });
  it('names engine, files and environment', () => {
    expect(
      told({
        engine: { name: 'wasm', version: '4.23.0' },
        files: { 'cifar10-mini/train.bin': digest('2') },
        env: { LANG: 'C' },
      }),
    ).toEqual([
      'file cifar10-mini/train.bin 1111… -> 2222…',
      'engine.version 4.22.0 -> 4.23.0',
      'env LANG unset -> C',
    ]);
  });
});
