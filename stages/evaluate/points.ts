import type { StageContext } from '../../src/kind/stage-kind.ts';
import type { AffineWork } from '../../src/network/affine-meter.ts';
import type { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Examples } from '../../src/network/examples.ts';
import type { Measurement } from '../../src/network/loss.ts';
import { moved } from '../../src/network/tensors.ts';
import type { Directions } from './directions.ts';
import type { Move } from './grid.ts';
import type { EvaluateParameters } from './parameters.ts';
import type { Statistics } from './statistics.ts';

type Model = Awaited<ReturnType<typeof readCheckpoint>>;

/** Measures the model at points, the fastest exact way that its network has. The engine must have been started. */
export interface PointMeter {
  at(moves: readonly Move[]): Promise<Measurement>;
  dispose(): void;
}

export async function pointMeter(
  model: Model,
  examples: Examples,
  directions: Directions,
  statistics: Statistics,
  { params }: StageContext<EvaluateParameters>,
): Promise<PointMeter> {
  if (model.network.name === 'mlp') {
    const { AffineMeter } = await import('../../src/network/affine-meter.ts');
    const meter = new AffineMeter(model.architecture, model.parameters, examples, params.batch, (direction) =>
      directions.vector(direction as Move['direction']),
    );
    return { at: (moves) => meter.measure(moves), dispose: () => meter.dispose() };
  }
  const { LossMeter } = await import('../../src/network/loss.ts');
  const meter = new LossMeter(model.architecture, examples, params.batch);
  return {
    async at(moves) {
      const steps = [];
      for (const { direction, by } of moves)
        steps.push({ direction: await directions.vector(direction), by });
      const theta = moved(model.parameters, steps);
      return meter.measure(theta, await statistics.at(theta));
    },
    dispose: () => meter.dispose(),
  };
}

/** Multiply-adds of a grid's different points from nothing, computed plainly and with the first layer affine. */
export function workOf(
  work: AffineWork,
  points: readonly (readonly Move[])[],
): { plain: number; affine: number } {
  const different = new Map(points.map((moves) => [JSON.stringify(moves), moves]));
  const directions = new Set(points.flatMap((moves) => moves.map(({ direction }) => direction)));
  let affine = work.once * (1 + directions.size);
  for (const moves of different.values()) affine += work.point(moves.length);
  return { plain: different.size * work.plain, affine };
}
