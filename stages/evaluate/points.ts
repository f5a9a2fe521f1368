import { threadsFor } from '../../src/engine/threads.ts';
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
  /** @param index of the point among all. */
  at(index: number): Promise<Measurement>;
  dispose(): void;
}

/** Points that are measured together: at most so many, and so many multiply-adds (some tenths of a second). */
const aheadAtMost = 64;
const workAtOnce = 2e9;

export async function pointMeter(
  model: Model,
  examples: Examples,
  directions: Directions,
  statistics: Statistics,
  points: readonly (readonly Move[])[],
  { params, engine }: StageContext<EvaluateParameters>,
): Promise<PointMeter> {
  if (model.network.name === 'mlp') {
    const { AffineMeter, affineWork } = await import('../../src/network/affine-meter.ts');
    const meter = new AffineMeter(
      model.architecture,
      model.parameters,
      examples,
      params.batch,
      (direction) => directions.vector(direction as Move['direction']),
      threadsFor(engine.threads),
    );
    const { point } = affineWork(model.network, examples.count);
    // The next points come along: most likely they are asked for next, and together they are cheaper.
    let known = new Map<number, Measurement>();
    return {
      async at(index) {
        if (!known.has(index)) {
          const count = Math.max(
            1,
            Math.min(aheadAtMost, Math.floor(workAtOnce / point(points[index]!.length))),
          );
          const found = await meter.measureAll(points.slice(index, index + count));
          known = new Map(found.map((measured, i) => [index + i, measured]));
        }
        return known.get(index)!;
      },
      dispose: () => meter.dispose(),
    };
  }
  const { LossMeter } = await import('../../src/network/loss.ts');
  const meter = new LossMeter(model.architecture, examples, params.batch);
  return {
    async at(index) {
      const steps = [];
      for (const { direction, by } of points[index]!)
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
