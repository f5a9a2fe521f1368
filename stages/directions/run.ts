/**
 * Makes directions: takes the raw vectors (`raw.ts`, `principal.ts`), scales them (`scaling.ts`), makes them orthogonal
 * where asked for (`orthogonal.ts`) and writes them with what figures need to know about them. It knows no grids and no
 * curves.
 */
import { writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { type Direction, encodeDirection, readDirection } from '../../src/network/direction.ts';
import { dot, mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { Orthogonaliser } from './orthogonal.ts';
import { membersOf, scalingOf } from './parameters.ts';
import { principalComponents } from './principal.ts';
import { type Context, filesOf, type Model, missingInput, rawDirections } from './raw.ts';
import { scaled } from './scaling.ts';

export async function run(context: Context): Promise<void> {
  const { params } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const { scaling, oneDimensional } = scalingOf(params);
  const targetNorm = scaling === 'norm-of' ? await normOfLike(context, model) : undefined;
  const others = await orthogonaliser(context, model);
  const make =
    params.kind === 'principal' ? await principalComponents(context, model) : rawDirections(context, model);
  const members = membersOf(params) ?? [undefined];
  for (const [m, member] of members.entries()) {
    context.signal.throwIfAborted();
    const raw = await make(m);
    const fitted = scaled(raw.vector, model.parameters, scaling, oneDimensional, targetNorm);
    const free = others ? others.apply(fitted, scaling !== 'none') : fitted;
    if (params.orthogonal) others!.add(free);
    const vector = params.scale === 1 ? free : mapVector(free, (t, i) => free[t]!.values[i]! * params.scale);
    if (!vector.every(({ values }) => values.every(Number.isFinite)))
      throw new UserError({
        severity: 'error',
        code: 'direction-not-finite',
        message: `${context.stage}: the ${params.kind} direction is not finite`,
        hint: 'the model itself may have diverged: look at the history of its training',
      });
    await writeFile(
      context.output('direction', member),
      encodeDirection({
        vector,
        kind: raw.kind ?? params.kind,
        target: raw.target && targetOf(raw.target, vector, raw.vector),
        made: {
          ...raw.made,
          scaling,
          'one-dimensional': oneDimensional,
          scale: params.scale,
          norm: norm(vector),
        },
      }),
    );
    context.progress(m + 1, members.length, 'directions');
  }
}

/** Of the input `against`, and of the directions made so far where they shall be orthogonal to each other. */
async function orthogonaliser(context: Context, model: Model) {
  const against = filesOf(context, 'against');
  if (against.length === 0 && !context.params.orthogonal) return undefined;
  const others = new Orthogonaliser();
  for (const { path, label } of against)
    others.add((await readDirection(path, label, model.parameters)).vector);
  return others;
}

async function normOfLike(context: Context, model: Model): Promise<number> {
  const [like] = context.list('like');
  if (!like)
    throw missingInput(
      context,
      'scaling "norm-of" needs the input "like", the direction whose norm is taken',
    );
  return norm((await readDirection(like.path!, `${context.stage}: the input like`, model.parameters)).vector);
}

/** Where on the finished direction θ + at·raw lies, or null where it is not on it (up to float32's rounding). */
function targetOf(
  { at, label }: NonNullable<Direction['target']>,
  vector: ParameterVector,
  raw: ParameterVector,
): Direction['target'] {
  const factor = dot(vector, raw) / dot(raw, raw);
  const off = mapVector(vector, (t, i) => vector[t]!.values[i]! - factor * raw[t]!.values[i]!);
  return norm(off) <= 1e-5 * norm(vector) && factor !== 0 ? { at: at / factor, label } : null;
}
