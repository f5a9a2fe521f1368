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
import { moved } from '../../src/network/tensors.ts';
import { axisOf } from './axis.ts';
import { Directions, type Member } from './directions.ts';
import { linspace, type Move, movesTo } from './grid.ts';
import type { EvaluateParameters } from './parameters.ts';
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
  const { LossMeter } = await import('../../src/network/loss.ts');
  const dataset = await datasetFor(model, params.dataset, context.root);
  const examples = firstExamples(
    dataset[params.split],
    params.examples,
    `the ${params.split} split of ${dataset.identity.name}`,
  );

  const statistics = statisticsOf(model, dataset, params, examples.count);
  const points = series.flatMap((members) =>
    lambdasOf(grid).map((lambdas) =>
      movesTo(members.map(({ digest }, axis) => ({ direction: digest, by: lambdas[axis]! * params.scale }))),
    ),
  );
  let meter: InstanceType<typeof LossMeter> | undefined;
  let measured: Measurement[];
  try {
    measured = await context.memo.each(
      points,
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
      async (moves: Move[], index) => {
        context.signal.throwIfAborted();
        meter ??= new LossMeter(model.architecture, examples, params.batch);
        const steps = [];
        for (const { direction, by } of moves)
          steps.push({ direction: await directions.vector(direction), by });
        const theta = moved(model.parameters, steps);
        const result = await meter.measure(theta, await statistics.at(theta));
        context.progress(index + 1, points.length, 'points', `loss ${result.loss.toPrecision(4)}`);
        return result;
      },
    );
  } finally {
    meter?.dispose();
  }

  const size = points.length / series.length;
  const curves: Curves = {
    format: 'orograph-curves/1',
    axes: grid.map((values, axis) =>
      axisOf(
        values,
        series.map((members) => members[axis]!),
        params.scale,
        grid.length === 1 ? 'λ' : `λ${'₁₂'[axis]}`,
        model.epoch,
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
          'loss-standard-error': own.map((point) => point.standardError),
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
    },
  };
  await writeFile(context.output('curves'), encodeCurves(curves));
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
