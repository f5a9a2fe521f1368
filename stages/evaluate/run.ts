/**
 * Evaluates a network over grids of parameter vectors θ + s·(λ₁x + λ₂y). It knows checkpoints, directions and data;
 * it knows nothing of categories or figures. Every grid point is a memo item of its own.
 */
import { writeFile } from 'node:fs/promises';
import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { type Curves, encodeCurves } from '../../src/landscape/curves.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Measurement } from '../../src/network/loss.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { axisOf } from './axis.ts';
import { Directions, type Member } from './directions.ts';
import { linspace, type Move, movesTo, orderOfWork } from './grid.ts';
import { squaredNorms } from './objective.ts';
import type { EvaluateParameters } from './parameters.ts';
import { type PointMeter, pointMeter, workOf } from './points.ts';
import { statisticsOf } from './statistics.ts';

export async function run(context: StageContext<EvaluateParameters>): Promise<void> {
  const { params } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const directions = new Directions(model.parameters);
  const x = await directions.open(context.input('x'), `${context.stage}: the input x`);
  const [second] = context.list('y');
  const y = second && (await directions.open(second, `${context.stage}: the input y`));
  const series = y ? paired(x, y, context.stage) : x.map((member) => [member]);
  const grid = gridOf(params, y !== undefined);

  await startEngine(context.engine, context.root);
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const examples = firstExamples(
    dataset[params.split],
    params.examples,
    `the ${params.split} split of ${dataset.identity.name}`,
  );

  const statistics = statisticsOf(model, dataset, params, examples.count);
  const points = series.flatMap((members) =>
    lambdasOf(grid).map((lambdas) =>
      movesTo(
        members.map(({ digest }, axis) => ({
          direction: digest,
          by: lambdas[axis]! * scaleOf(params, axis),
        })),
      ),
    ),
  );
  const order = orderOfWork(points);
  const ordered = order.map((index) => points[index]!);
  const measured = new Array<Measurement>(points.length);
  let meter: PointMeter | undefined;
  try {
    const found = await context.memo.each(
      ordered,
      (moves) => ({
        what: 'loss at a point',
        model: at.digest,
        moves: moves.map(({ direction, by }) => [direction, by]),
        dataset: dataset.identity.digest,
        split: params.split,
        examples: examples.count,
        batch: params.batch,
        ...statistics.key,
      }),
      async (_, index) => {
        context.signal.throwIfAborted();
        meter ??= await pointMeter(model, examples, directions, statistics, ordered, context);
        const result = await meter.at(index);
        context.progress(index + 1, points.length, 'points', `loss ${result.loss.toPrecision(4)}`);
        return result;
      },
    );
    for (const [k, index] of order.entries()) measured[index] = found[k]!;
  } finally {
    meter?.dispose();
  }

  const decay = params['weight-decay'];
  const squares = decay === undefined ? [] : await squaredNorms(model.parameters, directions, points);
  const size = points.length / series.length;
  const curves: Curves = {
    format: 'orograph-curves/1',
    axes: grid.map((values, axis) =>
      axisOf(
        values,
        series.map((members) => members[axis]!),
        scaleOf(params, axis),
        grid.length === 1 ? 'λ' : `λ${'₁₂'[axis]}`,
        model,
      ),
    ),
    series: series.map((members, s) => {
      const own = measured.slice(s * size, (s + 1) * size);
      return {
        name: members.map((member) => member.name).join(', '),
        direction: members.map((member) => member.kind).join(' x '),
        metrics: {
          loss: own.map((point) => point.loss),
          accuracy: own.map((point) => point.accuracy),
          error: own.map((point) => 1 - point.accuracy),
          'loss-standard-error': own.map((point) => point.standardError),
          ...(decay === undefined
            ? {}
            : { objective: own.map((point, i) => point.loss + (decay / 2) * squares[s * size + i]!) }),
        },
      };
    }),
    classes: model.network.classes,
    subject: {
      network: networkTitle(model.network),
      dataset: dataset.identity.name,
      split: params.split,
      examples: examples.count,
      epoch: model.epoch,
      engine: context.engine.name,
      ...statistics.subject,
      ...(decay === undefined ? {} : { 'weight-decay': decay }),
      ...(await workAt(model, examples.count, points)),
    },
  };
  await writeFile(context.output('curves'), encodeCurves(curves));
}

/** Of networks whose first layer is affine in λ: what the grid costs, and what it would cost plainly. */
async function workAt(
  { network }: Awaited<ReturnType<typeof readCheckpoint>>,
  examples: number,
  points: readonly (readonly Move[])[],
): Promise<JsonObject> {
  if (network.name !== 'mlp') return {};
  const { affineWork } = await import('../../src/network/affine-meter.ts');
  const { affine, plain } = workOf(affineWork(network, examples), points);
  return { 'multiply-adds': affine, 'multiply-adds-plainly': plain };
}

function scaleOf({ scale }: EvaluateParameters, axis: number): number {
  return typeof scale === 'number' ? scale : scale[axis]!;
}

/** λ on each axis. */
function gridOf(params: EvaluateParameters, surface: boolean): number[][] {
  const points = typeof params.points === 'number' ? [params.points, params.points] : params.points;
  const ranges = params.ranges ?? [params.range, params.range];
  return (surface ? [0, 1] : [0]).map((axis) =>
    linspace(...(ranges[axis]! as [number, number]), points[axis]!),
  );
}

/** Every grid point's λ, the last axis fastest. */
function lambdasOf(grid: readonly (readonly number[])[]): number[][] {
  return grid.reduce<number[][]>(
    (points, values) => points.flatMap((point) => values.map((value) => [...point, value])),
    [[]],
  );
}

function paired(x: readonly Member[], y: readonly Member[], stage: string): [Member, Member][] {
  if (x.length !== y.length && x.length !== 1 && y.length !== 1)
    throw new UserError({
      severity: 'error',
      code: 'unpaired-directions',
      message: `${stage}: x has ${x.length} directions and y has ${y.length}; give as many of each, or one of either`,
    });
  const count = Math.max(x.length, y.length);
  return Array.from({ length: count }, (_, i) => [x[x.length === 1 ? 0 : i]!, y[y.length === 1 ? 0 : i]!]);
}
