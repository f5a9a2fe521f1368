/**
 * Makes directions: draws or computes the raw vectors, scales them (`scaling.ts`) and writes them with what figures
 * need to know about them. It knows no grids and no curves.
 */
import { writeFile } from 'node:fs/promises';
import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { type Direction, encodeDirection, readDirection } from '../../src/network/direction.ts';
import { dot, mapVector, mismatch, norm, type ParameterVector } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { Random } from '../../src/util/random.ts';
import { type DirectionParameters, scalingOf } from './parameters.ts';
import { scaled } from './scaling.ts';

type Context = StageContext<DirectionParameters>;
type Model = Awaited<ReturnType<typeof readCheckpoint>>;

type Target = NonNullable<Direction['target']>;

/** An unscaled direction. */
interface Raw {
  readonly vector: ParameterVector;
  readonly made: JsonObject;
  /** What lies at θ + vector. */
  readonly target?: string;
}

export async function run(context: Context): Promise<void> {
  const { params } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const { scaling, oneDimensional } = scalingOf(params);
  const targetNorm = scaling === 'norm-of' ? await normOfLike(context, model) : undefined;
  const members = params.count ?? 1;
  for (let member = 0; member < members; member++) {
    context.signal.throwIfAborted();
    const raw = await rawDirection(context, model, member);
    const fitted = scaled(raw.vector, model.parameters, scaling, oneDimensional, targetNorm);
    const vector =
      params.scale === 1 ? fitted : mapVector(fitted, (t, i) => fitted[t]!.values[i]! * params.scale);
    if (!vector.every(({ values }) => values.every(Number.isFinite)))
      throw new UserError({
        severity: 'error',
        code: 'direction-not-finite',
        message: `${context.stage}: the ${params.kind} direction is not finite`,
        hint: 'the model itself may have diverged: look at the history of its training',
      });
    const path =
      params.count === undefined ? context.output('direction') : context.output('direction', String(member));
    await writeFile(
      path,
      encodeDirection({
        vector,
        kind: params.kind,
        target: raw.target === undefined ? null : targetOf(raw.target, vector, raw.vector),
        made: {
          ...raw.made,
          scaling,
          'one-dimensional': oneDimensional,
          scale: params.scale,
          norm: norm(vector),
        },
      }),
    );
    context.progress(member + 1, members, 'directions');
  }
}

async function normOfLike(context: Context, model: Model): Promise<number> {
  const [like] = context.list('like');
  if (!like)
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: scaling "norm-of" needs the input "like", the direction whose norm is taken`,
    });
  return norm((await readDirection(like.path!, `${context.stage}: the input like`, model.parameters)).vector);
}

function rawDirection(context: Context, model: Model, member: number): Promise<Raw> | Raw {
  switch (context.params.kind) {
    case 'gaussian':
      return gaussian(model.parameters, context.params.seed!, member);
    case 'negative-gradient':
      return negativeGradient(context, model);
    case 'difference':
      return difference(context, model);
  }
}

/** Standard normal. Each tensor of each member has its own stream, so that no count and no order changes another. */
function gaussian(form: ParameterVector, seed: number, member: number): Raw {
  const vector = form.map(({ name, shape, values }) => ({
    name,
    shape,
    values: new Random([seed, 'gaussian', member, name]).gaussians(values.length),
  }));
  return { vector, made: { seed, member } };
}

/** -∇L of the mean cross entropy, weight decay not included; batch norm with the checkpoint's own statistics. */
async function negativeGradient(context: Context, model: Model): Promise<Raw> {
  const { params } = context;
  await startEngine(context.engine, context.root);
  const { evaluationMode, meanGradient } = await import('../../src/network/loss.ts');
  const dataset = await datasetFor(model, params.dataset, context.root);
  const split = params.split ?? 'train';
  const examples = firstExamples(
    dataset[split],
    params.examples,
    `the ${split} split of ${dataset.identity.name}`,
  );
  const fixed = evaluationMode(model.architecture, model.state);
  const gradient = await meanGradient(fixed.network, model.parameters, examples, params.batch, (done) => {
    context.signal.throwIfAborted();
    context.progress(done, examples.count, 'examples');
  }).finally(fixed.dispose);
  return {
    vector: mapVector(gradient, (t, i) => -gradient[t]!.values[i]!),
    made: { dataset: dataset.identity.name, split, examples: examples.count },
  };
}

/** θ' - θ: at λ = 1 the unscaled direction reaches the other checkpoint, up to the rounding of float32. */
async function difference(context: Context, model: Model): Promise<Raw> {
  const [artifact] = context.list('to');
  if (!artifact)
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: a difference needs the input "to", the checkpoint at the other end`,
    });
  const to = await readCheckpoint(artifact.path!, `${context.stage}: the input to`);
  const problem = mismatch(model.parameters, to.parameters);
  if (problem)
    throw new UserError({
      severity: 'error',
      code: 'wrong-parameters',
      message: `${context.stage}: the inputs model and to are not of one network: ${problem}`,
    });
  return {
    vector: mapVector(
      model.parameters,
      (t, i) => to.parameters[t]!.values[i]! - model.parameters[t]!.values[i]!,
    ),
    made: { to: { epoch: to.epoch, seed: to.seed } },
    target: to.seed === model.seed ? `epoch ${to.epoch}` : `epoch ${to.epoch} of seed ${to.seed}`,
  };
}

/** Where on the finished direction θ + raw lies, or null where the two are not on one line (up to float32's rounding). */
function targetOf(label: string, vector: ParameterVector, raw: ParameterVector): Target | null {
  const factor = dot(vector, raw) / dot(raw, raw);
  const off = mapVector(vector, (t, i) => vector[t]!.values[i]! - factor * raw[t]!.values[i]!);
  return norm(off) <= 1e-5 * norm(vector) && factor !== 0 ? { at: 1 / factor, label } : null;
}
