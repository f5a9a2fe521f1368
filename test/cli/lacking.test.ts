import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CliWorkspace } from '../support/cli.ts';
import { npy } from '../support/npy.ts';

const train = (dataset: string, network = 'mlp') =>
  `{ uses: train, with: { network: ${network}, dataset: ${dataset}, epochs: 1, keep: [0, 1], seed: 1 } }`;

describe('data sets and files that are not there', () => {
  const stages = `pipeline: p
params: { set: cifar11 }
stages:
  one: ${train('cifar10-mni')}
  two: ${train('{ name: cifar1000 }')}
  three: ${train('"${{ params.set }}"')}
  module: ${train('cifar10-mini', '{ name: module, file: net.ts }')}
  good: { command: "echo > \${{ outputs.o }}", outputs: { o: f } }
`;
  const w = new CliWorkspace({ 'p.yaml': stages, 'bad.yaml': `${stages}  bad: { uses: trian }\n` });
  afterAll(() => w.remove());

  it('are all told, where they are named, with what was meant', async () => {
    const { code, stderr } = await w.run('plan', 'p.yaml');
    expect(code).toBe(2);
    const line = (stage: string) =>
      stages.split('\n').findIndex((text) => text.startsWith(`  ${stage}:`)) + 1;
    const column = (stage: string, text: string) => stages.split('\n')[line(stage) - 1]!.indexOf(text) + 1;
    for (const [stage, written, message, hint] of [
      ['one', 'cifar10-mni', 'there is no data set "cifar10-mni"', 'did you mean "cifar10-mini"?'],
      ['two', 'cifar1000', 'there is no data set "cifar1000"', 'did you mean "cifar100"?'],
      ['three', '"${{', 'there is no data set "cifar11"', 'did you mean "cifar10"?'],
      ['module', 'net.ts', 'there is no file "net.ts"', ''],
    ] as const) {
      expect(stderr).toContain(`p.yaml:${line(stage)}:${column(stage, written)}: error: ${message}`);
      expect(stderr).toContain(hint);
    }
    expect(stderr).toContain('[unknown-dataset]');
    expect(stderr).toContain('4 errors');
  });

  it('are told of subsets of more examples than there are', async () => {
    const w = new CliWorkspace({
      'p.yaml': `pipeline: p\nstages: { a: ${train('{ name: cifar10-mini, subset: { train: 128, test: 513 } }')} }\n`,
    });
    for (const verb of ['plan', 'run']) {
      const { code, stderr } = await w.run(verb, 'p.yaml');
      expect(code).toBe(2);
      expect(stderr).toContain(
        'p.yaml:2:68: error: a subset of 513 is asked for, but the test split of "cifar10-mini" has 512 [too-few-examples]',
      );
    }
    w.remove();
  });

  it('are told beside mistakes in the same settings', async () => {
    const w = new CliWorkspace({
      'p.yaml': `pipeline: p\nstages: { a: ${train('cifar10-mni', '{ name: module, file: net.ts }').replace('epochs: 1', 'epochs: -1, lr: 3')} }\n`,
    });
    const { stderr } = await w.run('plan', 'p.yaml');
    for (const code of ['unknown-dataset', 'file-not-found', 'out-of-range', 'unknown-key'])
      expect(stderr).toContain(`[${code}]`);
    expect(stderr).toContain('4 errors');
    w.remove();
  });

  it('are told beside other mistakes, and only of the stages that are asked for', async () => {
    const bad = await w.run('plan', 'bad.yaml');
    expect(bad.stderr).toContain('did you mean "train"?');
    expect(bad.stderr).toContain('5 errors');
    expect((await w.run('plan', 'p.yaml', 'good')).code).toBe(0);
    expect((await w.run('plan', 'p.yaml', 'two')).stderr).not.toContain('cifar10-mni');
  });
});

describe('data and networks that do not go together', () => {
  const stages = `pipeline: p
stages:
  square: ${train('vectors', '{ name: resnet, depth: 20 }')}
  cropped: ${train('{ name: vectors, crop: 3 }')}
  changed: ${train('vectors').replace('seed', 'augment: { flip: true }, seed')}
  colours: ${train('vectors').replace('seed', 'normalisation: cifar10, seed')}
  syntax: ${train('vectors', '{ name: module, file: net.ts }')}
  more: { uses: spectrum, inputs: { model: square.checkpoints/0 }, with: { dataset: vectors, examples: 5 } }
`;
  const w = new CliWorkspace({
    'p.yaml': stages,
    'resume.yaml': `pipeline: r\nstages: { a: ${train('vectors').replace('seed', 'resume: true, seed')} }\n`,
    'net.ts': 'export default (a =>> 1);\n',
  });
  afterAll(() => w.remove());

  it('are told before anything runs, by names and headers alone', async () => {
    mkdirSync(w.path('data/vectors'), { recursive: true });
    writeFileSync(w.path('data/vectors/train-inputs.npy'), npy('<f4', [4, 2], new Uint8Array(32)));
    writeFileSync(w.path('data/vectors/train-labels.npy'), npy('<i8', [4], new Uint8Array(32)));
    const { code, stderr } = await w.run('plan', 'p.yaml');
    expect(code).toBe(2);
    for (const message of [
      /^p\.yaml:3:51: error: the network "resnet" takes square images of three channels/m,
      /^p\.yaml:4:66: error: the data set "vectors" cannot be resized or cropped/m,
      /^p\.yaml:5:3: error: augmentation crops and mirrors images/m,
      /^p\.yaml:6:\d+: error: "vectors" cannot be normalised with the means/m,
      /^net\.ts:1:\d+: error: net\.ts does not compile/m,
      /^p\.yaml:8:\d+: error: 5 examples are asked for, but the train split of "vectors" has 4/m,
    ])
      expect(stderr).toMatch(message);
    expect(stderr).toContain('6 errors');
    expect((await w.run('plan', 'resume.yaml')).stderr).toContain('"with.resume" needs the input "from"');
  });
});
