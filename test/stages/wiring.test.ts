import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kinds } from '../../src/fingerprint/registry.ts';
import { planPipeline } from '../../src/plan/plan-pipeline.ts';

let root: string;
let registry: Kinds;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'orograph-wiring-'));
  registry = await Kinds.open(join(root, 'cache'));
  writeFileSync(join(root, 'weights.safetensors'), '');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What is told of a stage of a real kind, as `line code: message`. */
async function told(stage: string): Promise<string[]> {
  const text = `pipeline: p
stages:
  model: { uses: train, with: { network: mlp, dataset: cifar10-mini, epochs: 1, keep: [0, 1], seed: 1 } }
  along: { uses: directions, inputs: { model: model.checkpoints/0 }, with: { kind: gaussian, seed: 1 } }
  stage: ${stage}
`;
  writeFileSync(join(root, 'p.yaml'), text);
  const { diagnostics } = await planPipeline({ file: 'p.yaml', root, cwd: root, registry, env: {} });
  return diagnostics.map(({ code, message, at }) => {
    const line = text.split('\n')[at!.line - 1]!;
    return `${code} at ${line.slice(at!.column - 1, at!.column - 1 + at!.length)}: ${message}`;
  });
}

const model = 'model: model.checkpoints/1';
const other = 'model.checkpoints/0';
const stage = (uses: string, inputs: string, settings: string): string =>
  `{ uses: ${uses}, inputs: { ${inputs} }, with: { ${settings} } }`;

const missing: [wrong: string, right: string, said: string][] = [
  [
    stage('directions', model, 'kind: difference'),
    stage('directions', `${model}, to: ${other}`, 'kind: difference'),
    'bad-parameters at difference: the kind difference needs the input "to", the checkpoint at the other end',
  ],
  [
    stage('directions', model, 'kind: combination'),
    stage('directions', `${model}, of: [along]`, 'kind: combination'),
    'bad-parameters at combination: the kind combination needs the input "of", the directions that are added',
  ],
  [
    stage('directions', model, 'kind: principal'),
    stage('directions', `${model}, trajectory: [${other}]`, 'kind: principal'),
    'bad-parameters at principal: the kind principal needs the input "trajectory", the checkpoints',
  ],
  [
    stage('directions', model, 'kind: gaussian, seed: 1, scaling: norm-of'),
    stage('directions', `${model}, like: along`, 'kind: gaussian, seed: 1, scaling: norm-of'),
    'bad-parameters at norm-of: the scaling norm-of needs the input "like", the direction whose norm is taken',
  ],
  [
    stage('directions', `${model}, of: along`, 'kind: gaussian, seed: 1'),
    stage('directions', model, 'kind: gaussian, seed: 1'),
    'bad-parameters at gaussian: the input "of" is read by the kind combination only',
  ],
  [
    stage('mine', model, 'kind: vvv-basin, epochs: 1, seed: 1'),
    stage('mine', `${model}, start: ${other}`, 'kind: vvv-basin, epochs: 1, seed: 1'),
    'bad-parameters at vvv-basin: a vvv-basin needs a place where φ starts: start-seed, or the input "start"',
  ],
  [
    stage('mine', `${model}, start: ${other}`, 'kind: w-peak, epochs: 1, seed: 1'),
    stage('mine', model, 'kind: vvv-basin, epochs: 1, seed: 1, start-seed: 2'),
    'bad-parameters at w-peak: the input "start" is read by the kind vvv-basin only',
  ],
  [
    stage('quadratic', model, 'kind: curve'),
    stage('quadratic', `${model}, x: along`, 'kind: curve'),
    'bad-parameters at curve: the kind curve needs the input "x", the direction',
  ],
  [
    stage('angles', model, 'samples: 3'),
    stage('angles', model, 'samples: 3, gradients: 1'),
    'bad-parameters at 3: there is nothing to measure the angles of Gaussians with: give the input "against" or "to", or a number of gradients',
  ],
  [
    '{ uses: import, with: { network: mlp, dataset: cifar10-mini } }',
    '{ uses: import, inputs: { weights: { file: weights.safetensors } }, with: { network: mlp, dataset: cifar10-mini } }',
    'bad-parameters at mlp: this network needs the input "weights"; only a layers model brings its own',
  ],
  ...(['points: [5, 7]', 'ranges: [[0, 1], [0, 1]]', 'scale: [1, 2]'] as const).map(
    (setting): [string, string, string] => [
      stage('evaluate', `${model}, x: along`, setting),
      stage('evaluate', `${model}, x: along, y: along`, setting),
      `bad-parameters at ${setting.split(':')[0]}: "with.${setting.split(':')[0]}" is of a surface, one for each axis: that needs the input "y", the second direction`,
    ],
  ),
];

describe('inputs that only some settings of a kind need', () => {
  it.each(missing)('%s is refused before anything runs', async (wrong, right, said) => {
    expect(await told(wrong)).toEqual([said]);
    expect(await told(right)).toEqual([]);
  });
});

describe('a message of a kind about one parameter', () => {
  it.each([
    [stage('evaluate', `${model}, x: along`, 'scale: 0'), '"with.scale" is no finite factor other than 0'],
    [
      stage('directions', model, 'kind: gaussian, seed: 1, split: test'),
      '"with.split" means nothing for the kind gaussian, only for negative-gradient',
    ],
    [
      stage('eigenpairs', model, 'largest: 20, smallest: 10, basis: 64, max-products: 30'),
      /^"with\.\S+" is less than twice /,
    ],
  ])('says of which: %s', async (wrong, said) => {
    const messages = (await told(wrong)).map((line) => line.slice(line.indexOf(': ') + 2));
    expect(messages).toContainEqual(typeof said === 'string' ? said : expect.stringMatching(said));
  });
});
