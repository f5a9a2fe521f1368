/**
 * Second-order pictures of the loss. Along directions: loss, slope and curvature at each λ, as curves with further
 * metrics. Under Gaussian steps: the distribution of δL. Every point and every sample is a memo item.
 */
import { writeFile } from 'node:fs/promises';
import { type Dataset, datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { type Curves, encodeCurves } from '../../src/landscape/curves.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Examples } from '../../src/network/examples.ts';
import { dimension, mapVector, moved } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { randomVector } from '../directions/raw.ts';
import { axisOf } from '../evaluate/axis.ts';
import { Directions } from '../evaluate/directions.ts';
import { linspace } from '../evaluate/grid.ts';
import { statisticsOf } from '../evaluate/statistics.ts';
import { changesOf, type Sample } from './changes.ts';
import type { QuadraticParameters } from './parameters.ts';
import type { ChangesTable } from './table.ts';

type Context = StageContext<QuadraticParameters>;

/** What both kinds work on. */
interface Subject {
  readonly model: Awaited<ReturnType<typeof readCheckpoint>>;
  readonly dataset: Dataset;
  readonly examples: Examples;
  /** What every item's key holds. */
  readonly key: JsonObject;
  readonly caption: JsonObject;
}

export async function run(context: Context): Promise<void> {
  const { params } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const examples = firstExamples(
    dataset[params.split],
    params.examples,
    `the ${params.split} split of ${dataset.identity.name}`,
  );
  await startEngine(context.engine, context.root);
  const subject: Subject = {
    model,
    dataset,
    examples,
    key: {
      model: at.digest,
      dataset: dataset.identity.digest,
      split: params.split,
      examples: examples.count,
      batch: params.batch,
    },
    caption: {
      network: networkTitle(model.network),
      dataset: dataset.identity.name,
      split: params.split,
      examples: examples.count,
      epoch: model.epoch,
      engine: context.engine.name,
    },
  };
  await (params.kind === 'curve' ? curve(context, subject) : distribution(context, subject));
}

async function curve(context: Context, { model, dataset, examples, key, caption }: Subject): Promise<void> {
  const { params } = context;
  const [given] = context.list('x');
  if (!given)
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: a curve needs the input "x", the direction`,
    });
  const directions = new Directions(model.parameters);
  const members = await directions.open(given, `${context.stage}: the input x`);
  const { LossMeter } = await import('../../src/network/loss.ts');
  const { quadraticAt } = await import('./quadratic.ts');
  const statistics = statisticsOf(model, dataset, params, examples.count);
  const [from, to] = params.range as [number, number];
  const lambdas = linspace(from, to, params.points ?? 11);
  const points = members.flatMap(({ digest }) => lambdas.map((lambda) => ({ digest, lambda })));
  const meter = new LossMeter(model.architecture, examples, params.batch);
  try {
    const measured = await context.memo.each(
      points,
      ({ digest, lambda }) => ({
        what: 'second order at a point',
        direction: digest,
        by: Number((lambda * params.scale).toPrecision(12)),
        scale: params.scale,
        ...key,
        ...statistics.key,
      }),
      async ({ digest, lambda }, index) => {
        context.signal.throwIfAborted();
        const direction = await directions.vector(digest);
        const theta = moved(model.parameters, [{ direction, by: lambda * params.scale }]);
        const epsilon = mapVector(direction, (t, i) => params.scale * direction[t]!.values[i]!);
        const state = await statistics.at(theta);
        const { loss, accuracy, standardError } = await meter.measure(theta, state);
        const local = await quadraticAt(model.architecture, theta, state, epsilon, examples, params.batch);
        context.progress(index + 1, points.length, 'points', `loss ${loss.toPrecision(4)}`);
        return { loss, accuracy, standardError, ...local };
      },
    );
    const curves: Curves = {
      format: 'orograph-curves/1',
      axes: [axisOf(lambdas, members, params.scale, 'λ', model)],
      series: members.map(({ name, kind }, m) => {
        const own = measured.slice(m * lambdas.length, (m + 1) * lambdas.length);
        return {
          name,
          direction: kind,
          metrics: {
            loss: own.map((point) => point.loss),
            accuracy: own.map((point) => point.accuracy),
            'loss-standard-error': own.map((point) => point.standardError),
            slope: own.map((point) => point.slope),
            curvature: own.map((point) => point.curvature),
          },
        };
      }),
      classes: model.network.classes,
      subject: { ...caption, ...statistics.subject },
    };
    await writeFile(context.output('curves'), encodeCurves(curves));
  } finally {
    meter.dispose();
  }
}

async function distribution(context: Context, { model, examples, key, caption }: Subject): Promise<void> {
  const { params } = context;
  const { evaluationMode, meanGradient } = await import('../../src/network/loss.ts');
  const { flattened, Hessian } = await import('../../src/network/hessian.ts');
  const { inner } = await import('./quadratic.ts');
  const fixed = evaluationMode(model.architecture, model.state);
  const hessian = new Hessian(fixed.network, model.parameters, examples, { batch: params.batch });
  try {
    const gradient = flattened(await meanGradient(fixed.network, model.parameters, examples, params.batch));
    const samples = await context.memo.each(
      Array.from({ length: params.samples }, (_, i) => i),
      (member) => ({
        what: 'second order along a gaussian',
        member,
        seed: params.seed,
        deviation: params.deviation,
        ...key,
      }),
      async (member): Promise<Sample> => {
        context.signal.throwIfAborted();
        const epsilon = flattened(randomVector('gaussian', model.parameters, params.seed, member));
        for (let i = 0; i < epsilon.length; i++) epsilon[i]! *= params.deviation;
        const image = await hessian.product(epsilon);
        context.progress(member + 1, params.samples, 'products');
        return {
          slope: inner(epsilon, gradient),
          curvature: inner(epsilon, image),
          squaredImage: inner(image, image),
        };
      },
    );
    const squaredGradient = inner(gradient, gradient);
    const table: ChangesTable = {
      format: 'orograph-changes/1',
      slopes: samples.map(({ slope }) => slope),
      curvatures: samples.map(({ curvature }) => curvature),
      squaredGradient,
      ...changesOf(samples, squaredGradient, params.lambdas, params.deviation),
      subject: {
        ...caption,
        ...(model.state.length > 0 ? { statistics: 'kept' } : {}),
        parameters: dimension(model.parameters),
        deviation: params.deviation,
      },
    };
    await writeFile(context.output('changes'), `${JSON.stringify(table)}\n`);
  } finally {
    hessian.dispose();
    fixed.dispose();
  }
}
