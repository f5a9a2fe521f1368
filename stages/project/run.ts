/** Projects checkpoints onto the plane of a surface, or the line of a curve. It knows no losses and no figures. */
import { writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { leastSquares } from '../../src/landscape/least-squares.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { readDirection } from '../../src/network/direction.ts';
import { dot, mapVector, mismatch, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { filesOf } from '../directions/raw.ts';
import type { PathTable } from './table.ts';

export async function run(context: StageContext<{ scale: number }>): Promise<void> {
  const { stage, params } = context;
  const model = await readCheckpoint(context.input('model').path!, `${stage}: the input model`);
  const theta = model.parameters;
  const axes: ParameterVector[] = [];
  for (const name of ['x', 'y'])
    for (const { path } of context.list(name))
      axes.push((await readDirection(path!, `${stage}: the input ${name}`, theta)).vector);
  const gram = axes.map((a) => axes.map((b) => dot(a, b)));
  const points: PathTable['points'][number][] = [];
  const files = filesOf(context, 'checkpoints');
  for (const { path, label } of files) {
    context.signal.throwIfAborted();
    const { epoch, seed, parameters } = await readCheckpoint(path, label);
    const problem = mismatch(theta, parameters);
    if (problem)
      throw new UserError({
        severity: 'error',
        code: 'wrong-parameters',
        message: `${label} is not of the network of the input model: ${problem}`,
      });
    const moved = mapVector(theta, (t, i) => parameters[t]!.values[i]! - theta[t]!.values[i]!);
    const along = leastSquares(
      gram,
      axes.map((axis) => dot(axis, moved)),
    );
    if (!along)
      throw new UserError({
        severity: 'error',
        code: 'dependent-direction',
        message: `${stage}: the directions x and y span no plane`,
      });
    const rest = mapVector(moved, (t, i) =>
      axes.reduce((sum, axis, k) => sum - along[k]! * axis[t]!.values[i]!, moved[t]!.values[i]!),
    );
    points.push({
      epoch,
      seed,
      at: along.map((coordinate) => coordinate / params.scale),
      distance: norm(moved),
      off: norm(rest),
    });
    context.progress(points.length, files.length, 'checkpoints');
  }
  const table: PathTable = {
    format: 'orograph-path/1',
    points,
    model: { epoch: model.epoch, seed: model.seed },
    scale: params.scale,
  };
  await writeFile(context.output('path'), `${JSON.stringify(table, null, 1)}\n`);
}
