/** Mode connectivity: trains the bends of a curve between two networks, and measures the loss along it. */
import { writeFile } from 'node:fs/promises';
import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { encodeCurves } from '../../src/landscape/curves.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { encodeCheckpoint, momentOf, readCheckpoint } from '../../src/network/checkpoint.ts';
import { mapVector, mismatch, type ParameterVector } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { linspace } from '../evaluate/grid.ts';
import { statisticsOf } from '../evaluate/statistics.ts';
import { coefficients } from './curve.ts';
import type { ConnectParameters } from './parameters.ts';

export async function run(context: StageContext<ConnectParameters>): Promise<void> {
  const { params, stage } = context;
  const [first, last] = [context.input('model'), context.input('to')];
  const model = await readCheckpoint(first.path!, `${stage}: the input model`);
  const to = await readCheckpoint(last.path!, `${stage}: the input to`);
  const problem = mismatch(model.parameters, to.parameters);
  if (problem)
    throw new UserError({
      severity: 'error',
      code: 'wrong-parameters',
      message: `${stage}: the inputs model and to are not of one network: ${problem}`,
    });
  await startEngine(context.engine, context.root);
  const { tf } = await import('../../src/engine/tensorflow.ts');
  const { LossMeter, toTensors } = await import('../../src/network/loss.ts');
  const { normalisedBy } = await import('../../src/network/batch-norm.ts');
  const { descend } = await import('../mine/descent.ts');
  const { connectObjective } = await import('./objective.ts');
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const examples = firstExamples(
    dataset.train,
    params.examples,
    `the train split of ${dataset.identity.name}`,
  );

  const ends = [toTensors(model.parameters), toTensors(to.parameters)] as const;
  const network = normalisedBy(model.architecture, { statistics: 'batch' });
  const objective = connectObjective(
    network,
    ends,
    [model.parameters, to.parameters],
    params.curve,
    params.bends,
  );
  const recipe: JsonObject = {
    ends: [first.digest, last.digest],
    curve: params.curve,
    bends: params.bends,
    dataset: dataset.identity.digest,
    examples: examples.count,
    seed: params.seed,
    batch: params.batch,
    shuffle: params.shuffle,
    learningRate: params['learning-rate'],
    momentum: params.momentum,
    schedule: params.schedule === 'constant' ? 'constant' : { cosine: params.epochs },
  };
  const count = model.parameters.length;
  let bends: ParameterVector[] = [];
  try {
    const history = await descend(
      context,
      params,
      examples,
      objective,
      [params.epochs],
      (epoch) => ({ what: 'state of a connection', epoch, ...recipe }),
      async (_, point) => {
        bends = Array.from({ length: params.bends }, (_, b) =>
          model.parameters.map(({ name, shape }, p) => ({
            name,
            shape,
            values: point[b * count + p]!.values,
          })),
        );
      },
    );
    await writeFile(context.output('history'), `${JSON.stringify(history, null, 1)}\n`);
  } finally {
    tf.dispose([...ends[0], ...ends[1]]);
  }

  const points = [model.parameters, ...bends, to.parameters];
  const mixed = (controls: readonly ParameterVector[], c: readonly number[]): ParameterVector =>
    mapVector(model.parameters, (t, i) =>
      controls.reduce((sum, control, k) => sum + c[k]! * control[t]!.values[i]!, 0),
    );
  const ts = linspace(0, 1, params.points);
  const lines = [
    { name: params.curve, at: (t: number) => mixed(points, coefficients(params.curve, points.length, t)) },
    { name: 'straight', at: (t: number) => mixed([model.parameters, to.parameters], [1 - t, t]) },
  ];
  const statistics = statisticsOf(model, dataset, {}, examples.count);
  const meter = new LossMeter(model.architecture, examples, 512);
  try {
    const measured = await context.memo.each(
      lines.flatMap((line) => ts.map((t) => ({ line, t }))),
      ({ line, t }) => ({
        what: 'loss on a connection',
        line: line.name,
        t,
        epochs: params.epochs,
        ...recipe,
        ...statistics.key,
      }),
      async ({ line, t }, index) => {
        context.signal.throwIfAborted();
        const theta = line.at(t);
        context.progress(index + 1, 2 * ts.length, 'points');
        return meter.measure(theta, await statistics.at(theta));
      },
    );
    const series = lines.map(({ name }, l) => {
      const own = measured.slice(l * ts.length, (l + 1) * ts.length);
      return {
        name,
        direction: 'connection',
        metrics: {
          loss: own.map(({ loss }) => loss),
          accuracy: own.map(({ accuracy }) => accuracy),
          'loss-standard-error': own.map(({ standardError }) => standardError),
        },
      };
    });
    await writeFile(
      context.output('curves'),
      encodeCurves({
        format: 'orograph-curves/1',
        axes: [
          {
            label: 't',
            values: ts,
            marks: [
              { at: 0, role: 'model', label: momentOf(model) },
              { at: 1, role: 'target', label: `${momentOf(to)} of seed ${to.seed}` },
            ],
          },
        ],
        series,
        classes: model.network.classes,
        subject: {
          network: networkTitle(model.network),
          dataset: dataset.identity.name,
          split: 'train',
          examples: examples.count,
          epoch: model.epoch,
          engine: context.engine.name,
          ...statistics.subject,
        },
      }),
    );
  } finally {
    meter.dispose();
  }
  // Running statistics of their own; what the ends' optimisers remember is not theirs.
  const { optimiser: _, ...rest } = model;
  for (const [b, parameters] of bends.entries()) {
    const state = await statistics.at(parameters);
    await writeFile(
      context.output('bends', String(b + 1)),
      encodeCheckpoint({ ...rest, parameters, state, seed: params.seed, epoch: params.epochs }),
    );
  }
}
