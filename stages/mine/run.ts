/**
 * Mines directions by gradient descent: Algorithm 1 looks for a direction along which the model is a peak between two
 * valleys, Algorithm 2 for one with a valley at the model, one at its far end and one between. What is minimised is
 * `objective.ts`; how, and how it goes on after an interruption, `descent.ts`.
 */
import { writeFile } from 'node:fs/promises';
import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { encodeDirection } from '../../src/network/direction.ts';
import { mismatch, norm, type ParameterVector } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { keptEpochs, type MineParameters } from './parameters.ts';

type Context = StageContext<MineParameters>;
type Model = Awaited<ReturnType<typeof readCheckpoint>>;

export async function run(context: Context): Promise<void> {
  const { params } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const start = params.kind === 'vvv-basin' ? await startOf(context, model) : undefined;
  await startEngine(context.engine, context.root);
  const { tf } = await import('../../src/engine/tensorflow.ts');
  const { evaluationMode, toTensors } = await import('../../src/network/loss.ts');
  const { normalisedBy } = await import('../../src/network/batch-norm.ts');
  const { basinObjective, difference, peakObjective } = await import('./objective.ts');
  const { descend } = await import('./descent.ts');
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const examples = firstExamples(
    dataset.train,
    params.examples,
    `the train split of ${dataset.identity.name}`,
  );

  const fixed = evaluationMode(model.architecture, model.state);
  const network =
    params.statistics === 'batch' ? normalisedBy(model.architecture, { statistics: 'batch' }) : fixed.network;
  const theta = toTensors(model.parameters);
  const objective = start
    ? basinObjective(network, theta, model.parameters, start.point, params)
    : peakObjective(network, theta, model.parameters, params);
  const recipe: JsonObject = start
    ? { kind: params.kind, alpha: params.alpha, gamma: params.gamma, start: start.identity }
    : { kind: params.kind, reach: { by: params.reach, over: params.epochs } };
  const keyOf = (epoch: number): JsonObject => ({
    what: 'state of a mining',
    epoch,
    ...recipe,
    model: at.digest,
    dataset: dataset.identity.digest,
    examples: examples.count,
    ...(model.state.length > 0 ? { statistics: params.statistics } : {}),
    seed: params.seed,
    batch: params.batch,
    shuffle: params.shuffle,
    learningRate: params['learning-rate'],
    momentum: params.momentum,
    schedule: params.schedule === 'constant' ? 'constant' : { cosine: params.epochs },
  });
  const write = async (epoch: number, point: ParameterVector): Promise<void> => {
    const vector = start ? difference(point, model.parameters) : point;
    const path = params.keep ? context.output('direction', String(epoch)) : context.output('direction');
    await writeFile(
      path,
      encodeDirection({
        vector,
        kind: params.kind,
        target: start ? { at: 1, label: 'φ' } : null,
        made: { ...recipe, epochs: epoch, seed: params.seed, norm: norm(vector) },
      }),
    );
  };
  try {
    const history = await descend(context, params, examples, objective, keptEpochs(params), keyOf, write);
    await writeFile(context.output('history'), `${JSON.stringify(history, null, 1)}\n`);
  } finally {
    tf.dispose(theta);
    fixed.dispose();
  }
}

/** Where φ starts: the input `start`, or an initialisation of its own. */
async function startOf(
  context: Context,
  model: Model,
): Promise<{ point: ParameterVector; identity: JsonObject }> {
  const { params } = context;
  const [given] = context.list('start');
  if (given) {
    const { parameters } = await readCheckpoint(given.path!, `${context.stage}: the input start`);
    const problem = mismatch(model.parameters, parameters);
    if (problem)
      throw new UserError({
        severity: 'error',
        code: 'wrong-parameters',
        message: `${context.stage}: the inputs model and start are not of one network: ${problem}`,
      });
    return { point: parameters, identity: { checkpoint: given.digest } };
  }
  const seed = params['start-seed'];
  if (seed === undefined)
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: a vvv-basin needs a place where φ starts: start-seed, or the input "start"`,
      hint: "choose another seed than the model's own, for an independent initialisation",
    });
  return {
    point: model.architecture.initialise(params.init, seed),
    identity: { init: params.init, seed },
  };
}
