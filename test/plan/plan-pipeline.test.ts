import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { graphAsDot, graphAsMermaid, graphAsText, graphOf } from '../../src/plan/dag.ts';
import { selectInstances, selectStages } from '../../src/plan/select.ts';
import { goodPlan, planFiles, told, withStages } from './workspace.ts';

const two =
  withStages(`  late: { uses: evaluate, inputs: { model: "model[seed=2,network=mlp].checkpoints/10", x: towards } }
  both: { command: "cat \${{ inputs.t }} $\${{ x }} > \${{ outputs.o }}", inputs: { t: "model[network=mlp].history" }, outputs: { o: f.txt } }
`);

describe('a plan', () => {
  it('keeps the type of a whole placeholder, follows params into params, and lets --set beat the profile', async () => {
    const plan = await goodPlan(
      withStages(
        '  a: { uses: train, with: { network: mlp, epochs: "${{ params.deep.n }}", keep: "${{ params.list }}", dataset: "d-${{ params.list.0 }}" } }\n',
        'params: { n: 1, deep: { n: "${{ params.n }}" }, list: [0, 1] }\nprofiles: { smoke: { n: 2 } }\n',
      ),
      { profile: 'smoke', set: ['n=5'] },
    );
    expect(plan.instances.at(-1)?.params).toMatchObject({
      epochs: 5,
      keep: [0, 1],
      dataset: 'd-0',
      rate: 0.1,
    });
  });

  it('passes the matching instances of a partial selection in order, and leaves the files of a command to its run', async () => {
    const { instances } = await goodPlan(two);
    const both = instances.find(({ id }) => id === 'both')!;
    expect(both.inputs.t).toMatchObject({
      many: true,
      sources: [{ instance: 'model[seed=1,network=mlp]' }, { instance: 'model[seed=2,network=mlp]' }],
    });
    expect(both.params).toEqual({
      command: 'cat ${{ inputs.t }} $${{ x }} > ${{ outputs.o }}',
      outputs: { o: 'f.txt' },
    });
  });

  it('takes names that every object inherits for names', async () => {
    const names = withStages(
      `  constructor:
    command: "echo \${{ params.valueOf }} > \${{ outputs.toString }}"
    outputs: { toString: f.txt }
  b:
    matrix: { hasOwnProperty: [1, 2] }
    command: "cat \${{ inputs.toString }} > \${{ outputs.constructor }}"
    inputs: { toString: constructor.toString }
    outputs: { constructor: f.txt }
`,
      'params: { valueOf: 1 }\nprofiles: { constructor: { valueOf: 2 } }\n',
    );
    const { instances } = await goodPlan(names, { profile: 'constructor' });
    expect(instances.find(({ id }) => id === 'constructor')?.params.command).toMatch(/^echo 2 /);
    expect(instances.find(({ id }) => id === 'b[hasOwnProperty=2]')?.inputs.toString).toEqual({
      many: false,
      sources: [{ from: 'stage', instance: 'constructor', output: 'toString', member: null }],
    });
    const wrong = withStages('  a: { uses: evaluate, inputs: { toString: model } }\n');
    expect(await told(wrong)).toMatch(/there is no input "toString"/);
    expect(await told(wrong)).not.toMatch(/undefined/);
  });

  it('lets --set reach into included files by their prefixes', async () => {
    const planned = await planFiles(
      {
        'pipeline.yaml':
          'pipeline: p\ninclude: [{ file: a.yaml, prefix: a, params: { n: 2 } }]\nstages: { z: { command: x, outputs: { o: f } } }\n',
        'a.yaml':
          'pipeline: a\ninclude: [{ file: b.yaml, prefix: b }]\nparams: { n: 1 }\nstages: { s: { command: "x ${{ params.n }}", outputs: { o: f } } }\n',
        'b.yaml':
          'pipeline: b\nparams: { k: { j: 1 } }\nstages: { t: { command: "y ${{ params.k.j }}", outputs: { o: f } } }\n',
      },
      { set: ['a.n=5', 'a.b.k.j=6'] },
    );
    expect(planned.diagnostics).toEqual([]);
    expect(planned.plan!.instances.map(({ params }) => params.command)).toEqual(['y 6', 'x 5', 'x']);
  });

  it('includes another file under a prefix, with its own params as overridden', async () => {
    const { plan } = await planFiles({
      'pipeline.yaml':
        'pipeline: p\nparams: { m: 7 }\ninclude: [{ file: sub/a.yaml, prefix: base, params: { n: "${{ params.m }}" } }]\nstages: { z: { command: x, inputs: { i: base.s.o }, outputs: { o: f } } }\n',
      'sub/a.yaml':
        'pipeline: a\nparams: { n: 1 }\nstages:\n  s: { command: "x ${{ params.n }}", inputs: { i: { file: ./data.txt }, t: t }, outputs: { o: f } }\n  t: { command: y, outputs: { o: f } }\n',
      'sub/data.txt': 'x',
    });
    expect(plan?.instances.map(({ id }) => id)).toEqual(['base.t', 'base.s', 'z']);
    expect(plan?.instances[1]).toMatchObject({
      params: { command: 'x 7' },
      inputs: {
        i: { sources: [{ from: 'file', path: 'sub/data.txt' }] },
        t: { sources: [{ instance: 'base.t' }] },
      },
    });
  });

  it('reads anchors and merge keys, and points into the anchor for what is wrong there', async () => {
    const text = (epochs: string) =>
      `pipeline: p\nstages:\n  a: &a { uses: train, with: &w { network: mlp, epochs: ${epochs} } }\n  b: { <<: *a, title: B }\n  c: { uses: train, with: { <<: *w, seed: 4 } }\n`;
    const { instances } = await goodPlan(text('3'));
    expect(instances.map(({ params }) => [params.epochs, params.seed])).toEqual([
      [3, 0],
      [3, 0],
      [3, 4],
    ]);
    const shown = await told(text('many'));
    // Told once, at the anchor, though three stages use it.
    expect(shown.match(/error:/g)).toHaveLength(1);
    expect(shown).toContain('pipeline.yaml:3:57: error: "with.epochs" cannot be "many"');
  });
});

describe('a selection of stages', () => {
  it('brings what the stages need, and tells unknown names', async () => {
    const plan = await goodPlan(two);
    expect(selectStages(plan, ['towards']).instances.map(({ id }) => id)).toEqual([
      'model[seed=1,network=mlp]',
      'towards',
    ]);
    expect(selectInstances(plan, ['model[seed=2]']).length).toBe(2);
    const wrong = () => selectInstances(plan, ['towrds', 'model[seed=3]', 'a b']);
    expect(wrong).toThrow(UserError);
    expect(wrong).toThrow('there is no stage "towrds"');
  });
});

describe('a graph', () => {
  it('has a node a stage with its layer, as text, Mermaid and dot', async () => {
    const graph = graphOf(await goodPlan(two));
    expect(graph.nodes.map(({ label, layer }) => `${layer} ${label}`)).toEqual([
      '0 model (4)',
      '1 towards',
      '2 late',
      '1 both',
    ]);
    expect(graphAsText(graph).split('\n')[2]).toBe('late       evaluate    <- model, towards');
    expect(graphAsMermaid(graph)).toContain('n0["model (4)"]\n');
    expect(graphAsDot(graph)).toContain('"towards" -> "late";');
    expect(graphOf(await goodPlan(two), 'instance').nodes.length).toBe(7);
  });

  it('calls a mapping among the values of an axis by its name, else its id, else its place', async () => {
    const plan = await goodPlan(
      'pipeline: p\nstages:\n  s: { command: "x ${{ matrix.m.n }}", outputs: { o: f }, matrix: { m: [{ n: 1, id: i, name: a }, { n: 2, id: 7 }, { n: 3 }] } }\n',
    );
    expect(plan.instances.map(({ id, params }) => `${id} ${params.command}`)).toEqual([
      's[m=a] x 1',
      's[m=7] x 2',
      's[m=2] x 3',
    ]);
  });

  it('reads times and memory in their units', async () => {
    const times = { '90s': 90, '1.5m': 90, '2h': 7200, '1d': 86_400, '250ms': 0.25, 30: 30 };
    for (const [text, seconds] of Object.entries(times)) {
      const { instances } = await goodPlan(
        `pipeline: p\nstages:\n  s: { command: x, outputs: { o: f }, timeout: ${text} }\n`,
      );
      expect(instances[0]!.timeout, text).toBe(seconds);
    }
    const sizes = { '2GB': 2048, '1.5 GB': 1536, '512MB': 512, '1KB': 1, '1TB': 1_048_576, 100: 100 };
    for (const [text, megabytes] of Object.entries(sizes)) {
      const { instances } = await goodPlan(
        `pipeline: p\nstages:\n  s: { command: x, outputs: { o: f }, resources: { memory: ${text} } }\n`,
      );
      expect(instances[0]!.resources.memory, text).toBe(megabytes);
    }
  });
});
