import { describe, expect, it } from 'vitest';
import { plan, told, withStages } from './workspace.ts';

/** One mistake each; the snapshot is exactly what a user reads. */
const mistakes: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  'an unknown key': 'pipeline: p\ntitel: x\nstages: { a: { command: x, outputs: { o: f } } }\n',
  'an unknown key of a stage': 'pipeline: p\nstages: { a: { comand: x, command: x, outputs: { o: f } } }\n',
  'a missing pipeline name': 'stages: { a: { command: x, outputs: { o: f } } }\n',
  'a name that leaves the folder': 'pipeline: ../p\nstages: { a/b: { command: x, outputs: { o: f } } }\n',
  'a name that Windows reserves': 'pipeline: p\nstages: { nul: { command: x, outputs: { o: f } } }\n',
  'names that differ in case only':
    'pipeline: p\nstages:\n  a: { command: x, outputs: { o: f } }\n  A: { command: x, outputs: { o: f } }\n',
  'a stage given twice':
    'pipeline: p\nstages:\n  a: { command: x, outputs: { o: f } }\n  a: { command: y, outputs: { o: f } }\n',
  'a wrong engine': 'pipeline: p\nengine: wsm\nstages: { a: { command: x, outputs: { o: f } } }\n',
  'a wrong timeout': 'pipeline: p\nstages: { a: { command: x, outputs: { o: f }, timeout: 10x } }\n',
  'a timeout of nothing': 'pipeline: p\nstages: { a: { command: x, outputs: { o: f }, timeout: 0s } }\n',
  'a timeout of more than a year':
    'pipeline: p\nparams: { long: 999999999d }\nstages: { a: { command: x, outputs: { o: f }, timeout: "${{ params.long }}" } }\n',
  'no memory':
    'pipeline: p\nstages: { a: { command: x, outputs: { o: f }, resources: { memory: 0.0 MB } } }\n',
  'a negative number of retries':
    'pipeline: p\nstages: { a: { command: x, outputs: { o: f }, retries: -1 } }\n',
  'a number that is not finite':
    'pipeline: p\nparams: { a: .nan }\nstages: { a: { command: "x ${{ params.a }}", outputs: { o: f } } }\n',
  'a number too large to be exact':
    'pipeline: p\nparams: { a: 12345678901234567890 }\nstages: { a: { command: "x ${{ params.a }}", outputs: { o: f } } }\n',
  'a number that is not finite where a kind asks for more': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: 1, rate: .nan } }\n',
  ),
  'an output of a stage with mistakes': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: 3, rte: 1 } }\n  b: { uses: directions, inputs: { model: a.chekpoints }, with: { kind: gaussian } }\n',
  ),
  'an output of a stage that there is not': withStages(
    '  b: { uses: directions, inputs: { model: modl.checkpoints/10 }, with: { kind: gaussian } }\n',
  ),
  'an empty file name': 'pipeline: p\nstages: { a: { command: x, outputs: { o: "" } } }\n',
  'text that is not YAML': 'pipeline: [p\nstages: {}\n',
  'a placeholder without quotes':
    'pipeline: p\nparams: { a: 1 }\nstages: { a: { uses: train, with: { seed: ${{ params.a }} } } }\n',
  'a colon without a space': 'pipeline:p\nstages: {}\n',
  'an empty file': '# nothing\n',
  'two documents': 'pipeline: p\n---\npipeline: q\n',
  'an unknown alias':
    'pipeline: p\nparams: { a: &anchor 1, b: *ancor }\nstages: { a: { command: x, outputs: { o: f } } }\n',
  'an unsupported tag':
    'pipeline: p\nparams: { a: !thing 1 }\nstages: { a: { command: x, outputs: { o: f } } }\n',
  'neither uses nor command': 'pipeline: p\nstages: { a: { title: x } }\n',
  'both uses and command': withStages(
    '  a: { uses: directions, command: x, inputs: { model: model }, with: { kind: gaussian } }\n',
  ),
  'an unknown kind': 'pipeline: p\nstages: { a: { uses: trian } }\n',
  'a kind of the user that is not there': 'pipeline: p\nstages: { a: { uses: ./mine.ts } }\n',
  'parameters of a kind': withStages(
    '  a: { uses: train, with: { network: mpl, epohcs: 3, epochs: 0, rate: fast, keep: [1, -1] } }\n',
  ),
  'a parameter of a variant': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: 1, optimizer: { kind: sgd, momentum: 3 } } }\n',
  ),
  'an unknown variant': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: 1, optimizer: { kind: sdg, momentum: 0 } } }\n',
  ),
  'parameters that do not go together': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: 3, keep: [0, 4] } }\n',
  ),
  'a parameter whose value came from params': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: "${{ params.epochs }}" } }\n',
    'params: { epochs: ten }\n',
  ),
  'an unknown param': withStages(
    '  a: { uses: train, with: { network: mlp, epochs: "${{ params.epoch }}" } }\n',
    'params: { epochs: 1 }\n',
  ),
  'params in a circle':
    'pipeline: p\nparams: { a: "${{ params.b }}", b: "x${{ params.a }}" }\nstages: { a: { command: "${{ params.a }}", outputs: { o: f } } }\n',
  'an unknown param in a profile':
    'pipeline: p\nparams: { epochs: 1 }\nprofiles: { smoke: { epoch: 1 } }\nstages: { a: { command: "x ${{ params.epochs }}", outputs: { o: f } } }\n',
  'a bad placeholder':
    'pipeline: p\nparams: { a: 1 }\nstages: { a: { command: "${{ params.a + 1 }} ${{ }} ${{ parms.a }} ${{ params.a", outputs: { o: f } } }\n',
  'a list inside a text':
    'pipeline: p\nparams: { a: [1] }\nstages: { a: { command: "x ${{ params.a }}", outputs: { o: f } } }\n',
  'a misplaced placeholder':
    'pipeline: p\nparams: { a: "${{ matrix.x }}" }\nstages: { a: { command: "${{ params.a }} ${{ matrix.x }}", outputs: { o: f } } }\n',
  'an undeclared variable': 'pipeline: p\nstages: { a: { command: "${{ env.LANG }}", outputs: { o: f } } }\n',
  'a variable that is not set':
    'pipeline: p\nenv: [NOPE]\nstages: { a: { command: "${{ env.NOPE }}", outputs: { o: f } } }\n',
  'an unknown axis in a placeholder': withStages(
    '  a: { command: "${{ matrix.sed }}", matrix: { seed: [1] }, outputs: { o: f } }\n',
  ),
  'a matrix without values': withStages('  a: { command: x, matrix: { seed: [] }, outputs: { o: f } }\n'),
  'a matrix that is too large': withStages(
    '  a: { command: x, matrix: { a: "${{ params.a }}", b: "${{ params.a }}" }, outputs: { o: f } }\n',
    `params: { a: [${Array.from({ length: 317 }, (_, i) => i)}] }\n`,
  ),
  'a value of an axis twice': withStages(
    '  a: { command: x, matrix: { seed: [1, "1"] }, outputs: { o: f } }\n',
  ),
  'an exclude of nothing known': withStages(
    '  a: { command: x, matrix: { seed: [1, 2], exclude: [{ sed: 1 }, { seed: 3 }] }, outputs: { o: f } }\n',
  ),
  'an exclude of everything': withStages(
    '  a: { command: x, matrix: { seed: [1], exclude: [{ seed: 1 }] }, outputs: { o: f } }\n',
  ),
  'an include that leaves an axis out': withStages(
    '  a: { command: x, matrix: { seed: [1], b: [1], include: [{ seed: 2 }] }, outputs: { o: f } }\n',
  ),
  'an unknown stage': withStages(
    '  a: { uses: evaluate, inputs: { model: modle.checkpoints/10, x: towards } }\n',
  ),
  'an unknown axis': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[sed=1].checkpoints/10", x: towards } }\n',
  ),
  'an unknown value of an axis': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed=3,network=mlp].checkpoints/10", x: towards } }\n',
  ),
  'a combination that is excluded': withStages(
    '  b: { command: x, matrix: { i: [1, 2], j: [1, 2], exclude: [{ i: 1, j: 1 }] }, outputs: { o: f } }\n  a: { command: x, inputs: { b: "b[i=1,j=1]" }, outputs: { o: f } }\n',
  ),
  'an unknown output': withStages(
    '  a: { uses: inspect, inputs: { run: "model[seed=1,network=mlp].chekpoints" } }\n',
  ),
  'an unknown member': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed=1,network=mlp].checkpoints/11", x: towards } }\n',
  ),
  'a member of a single file': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed=1,network=mlp].checkpoints/10", x: towards.direction/1 } }\n',
  ),
  'a stage with several outputs': withStages(
    '  a: { uses: inspect, inputs: { run: "model[seed=1,network=mlp]" } }\n',
  ),
  'an artifact of another type': withStages(
    '  a: { uses: evaluate, inputs: { model: towards, x: towards } }\n',
  ),
  'a folder for a file': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed=1,network=mlp].checkpoints", x: towards } }\n',
  ),
  'a file for a folder': withStages(
    '  a: { uses: inspect, inputs: { run: "model[seed=1,network=mlp].checkpoints/10" } }\n',
  ),
  'an input that is missing and one that is unknown': withStages(
    '  a: { uses: evaluate, inputs: { modl: "model[seed=1,network=mlp].checkpoints/10", x: towards } }\n',
  ),
  'several instances for one artifact': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed=1].checkpoints/10", x: towards } }\n',
  ),
  'empty references': withStages(
    '  a: { uses: evaluate, inputs: { model: "", x: [] } }\n  b: { uses: evaluate, inputs: { model: , x: towards } }\n',
  ),
  'references that cannot be read': withStages(
    '  a: { uses: evaluate, inputs: { model: "model[seed].checkpoints", x: "../towards" } }\n  b: { uses: render, inputs: { panels: ["a b", "model[seed=1"] } }\n',
  ),
  'a cycle':
    'pipeline: p\nstages:\n  a: { command: x, inputs: { i: c }, outputs: { o: f } }\n  b: { command: x, inputs: { i: a }, outputs: { o: f } }\n  c: { command: x, inputs: { i: b }, outputs: { o: f } }\n  d: { command: x, inputs: { i: d }, outputs: { o: f } }\n',
  'files that are not there': withStages(
    '  a: { command: x, inputs: { a: { file: nope.csv }, b: { file: . } }, outputs: { o: f } }\n',
  ),
  'files of a command': withStages(
    '  a: { command: x, outputs: { a: ../f, b: { file: F.txt }, c: f.txt } }\n',
  ),
  'names in a command': withStages(
    '  a: { command: "cp ${{ inputs.tabel }} ${{ outputs.line }} ${{ outputs.lines/1 }}", inputs: { table: towards }, outputs: { lines: f } }\n',
  ),
  'names in a command with other mistakes':
    'pipeline: p\nstages: { a: { command: "cp ${{ inputs.x }} ${{ env.A }} ${{ foo.b }} ${{ outputs.p }}", outputs: { o: f } } }\n',
  'names of variables':
    'pipeline: p\nenv: [A-B]\nstages: { a: { command: x, outputs: { o: f }, env: [1] } }\n',
  'axes and combinations of a matrix, all at once':
    'pipeline: p\nstages: { a: { command: x, outputs: { o: f }, matrix: { i: [], j: [1, null], exclude: [{ k: 1 }], include: [{ l: 1 }] } } }\n',
  'with for a command': withStages(
    '  a: { command: x, with: { a: 1 }, outputs: { o: f } }\n  b: { uses: directions, inputs: { model: { file: pipeline.yaml } }, with: { kind: gaussian }, outputs: { o: f } }\n',
  ),
  'an expectation of no fact': withStages(
    '  e: { uses: evaluate, inputs: { model: "model[seed=1,network=mlp].checkpoints/10", x: towards }, expect: { categroy: v-basin } }\n  c: { command: x, outputs: { o: f }, expect: { category: v-basin } }\n',
  ),
  'an expectation that could never hold': withStages(
    '  e:\n    uses: evaluate\n    inputs: { model: "model[seed=1,network=mlp].checkpoints/10", x: towards }\n    matrix: { of: [{ name: a, is: v-basn }, { name: b, is: [v-basin, 3] }] }\n    expect: { category: "${{ matrix.of.is }}", smallest-loss: { min: "0.5", mox: 3 }, falls: 1 }\n  f:\n    uses: evaluate\n    inputs: { model: "model[seed=1,network=mlp].checkpoints/10", x: towards }\n    expect: { category: [w-pek, v-basin], smallest-loss: { min: 2, max: 1 }, falls: [] }\n  g: { uses: evaluate, inputs: { model: "model[seed=1,network=mlp].checkpoints/10", x: towards }, expect: "${{ params.claims }}" }\n',
    'params: { claims: { categry: v-basin, smallest-loss: null } }\n',
  ),
  'a circular include': {
    'pipeline.yaml':
      'pipeline: p\ninclude: [{ file: a.yaml, prefix: a }]\nstages: { s: { command: x, outputs: { o: f } } }\n',
    'a.yaml':
      'pipeline: a\ninclude: [{ file: ./pipeline.yaml, prefix: b }]\nstages: { s: { command: x, outputs: { o: f } } }\n',
  },
  'an include that is not there': {
    'pipeline.yaml':
      'pipeline: p\ninclude: [{ file: base.yml, prefix: a }]\nstages: { s: { command: x, inputs: { i: a.gen }, outputs: { o: f } } }\n',
    'base.yaml': '',
  },
  'a prefix that is a stage': {
    'pipeline.yaml':
      'pipeline: p\ninclude: [{ file: a.yaml, prefix: a }, { file: a.yaml, prefix: a }]\nstages: { a: { command: x, outputs: { o: f } } }\n',
    'a.yaml': 'pipeline: a\nstages: { s: { command: x, outputs: { o: f } } }\n',
  },
};

describe('a mistake is told at its place, with what was meant', () => {
  for (const [name, files] of Object.entries(mistakes)) {
    it(name, async () => {
      expect(await told(files)).toMatchSnapshot();
    });
  }

  it('in --set and --profile', async () => {
    const text = withStages(
      '  a: { uses: train, with: { network: mlp, epochs: "${{ params.n.epochs }}" } }\n',
      'params: { n: { epochs: 1 } }\nprofiles: { smoke: {} }\n',
    );
    expect(
      await told(text, { profile: 'smok', set: ['n.epoch=3', 'x', 'n.epochs=many', 'a b=1', 'n.epochs=[1'] }),
    ).toMatchSnapshot();
  });

  it('in names of stages on the command line, as far as the stages are known', async () => {
    const text = withStages(
      '  a: { uses: evaluate, inputs: { model: modle, x: towards } }\n  b: { command: x, matrix: { k: [] }, outputs: { o: f } }\n',
      'include: [{ file: nowhere.yaml, prefix: base }]\n',
    );
    const names = ['towrds', 'model[seed=3]', 'model[seed=2]', 'b[k=1]', 'base.model', 'a'];
    const { diagnostics } = await plan(text, { names });
    expect(diagnostics.map(({ code, message, hint }) => [code, message, hint])).toEqual([
      ['unknown-stage', 'there is no stage "towrds"', 'did you mean "towards"?'],
      ['selects-nothing', 'no instance of "model" is model[seed=3]', undefined],
      ['file-not-found', expect.any(String), undefined],
      ['unknown-stage', expect.stringContaining('"modle"'), expect.any(String)],
      ['empty-matrix', expect.any(String), undefined],
    ]);
  });

  it('in a file that is not there, is a folder, or is not text', async () => {
    expect(await told({ 'pipelin.yaml': '' })).toMatchSnapshot();
    expect(await told({ 'pipeline.yaml/x': '' })).toMatchSnapshot();
  });

  it('and all mistakes of a file are told in one pass', async () => {
    const bad = withStages(
      '  a: { uses: trian }\n  b: { uses: evaluate, inputs: { model: modle, x: towards }, with: { points: 1 } }\n  c: { command: "${{ params.x }}", outputs: { o: ../f }, retries: -1 }\n',
      'titel: x\n',
    );
    const { plan: none, diagnostics } = await plan(bad);
    expect(none).toBeNull();
    expect(diagnostics.map(({ code, at }) => `${at?.line} ${code}`)).toEqual([
      '2 unknown-key',
      '12 unknown-kind',
      '13 unknown-stage',
      '13 out-of-range',
      '14 unknown-param',
      '14 bad-name',
      '14 out-of-range',
    ]);
  });
});
