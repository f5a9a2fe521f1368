import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { momentOf, readCheckpoint } from '../../src/network/checkpoint.ts';
import { type Direction, readDirection } from '../../src/network/direction.ts';
import type { Examples } from '../../src/network/examples.ts';
import { mapVector, mismatch, type ParameterVector } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import { Random } from '../../src/util/random.ts';
import type { DirectionParameters } from './parameters.ts';

export type Context = StageContext<DirectionParameters>;
export type Model = Awaited<ReturnType<typeof readCheckpoint>>;

/** An unscaled direction. */
export interface Raw {
  readonly vector: ParameterVector;
  readonly made: JsonObject;
  /** What lies at θ + at·vector. */
  readonly target: Direction['target'];
  /** Where it is not called after the stage's `kind`. */
  readonly kind?: string;
}

/** A stage's directions, one a member, made when asked for; of all kinds but principal components (`principal.ts`). */
export function rawDirections(context: Context, model: Model): (member: number) => Promise<Raw> | Raw {
  const { params } = context;
  switch (params.kind) {
    case 'gaussian':
    case 'uniform': {
      const kind = params.kind;
      return (member) => ({
        vector: randomVector(kind, model.parameters, params.seed!, member),
        made: { seed: params.seed!, member },
        target: null,
      });
    }
    case 'negative-gradient':
      return (member) => negativeGradient(context, model, member);
    case 'difference':
      return () => difference(context, model);
    case 'combination':
      return () => combination(context, model);
    case 'principal':
      throw new Error('principal components are made of a trajectory');
  }
}

/**
 * A vector of independent values, standard normal or uniform in (0, 1). Each tensor of each member has its own stream, so
 * that no count and no order changes another.
 */
export function randomVector(
  kind: 'gaussian' | 'uniform',
  form: ParameterVector,
  seed: number,
  member: number,
): ParameterVector {
  return form.map(({ name, shape, values: { length } }) => {
    const stream = new Random([seed, kind, member, name]);
    const values =
      kind === 'gaussian' ? stream.gaussians(length) : Float32Array.from({ length }, () => stream.uniform());
    return { name, shape, values };
  });
}

/**
 * -∇L of the mean cross entropy, weight decay not included; batch norm with the checkpoint's own statistics. Over the
 * first examples, or with a seed over a batch drawn without replacement.
 */
async function negativeGradient(context: Context, model: Model, member: number): Promise<Raw> {
  const { params } = context;
  await startEngine(context.engine, context.root);
  const { evaluationMode, meanGradient } = await import('../../src/network/loss.ts');
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const split = params.split ?? 'train';
  const label = `the ${split} split of ${dataset.identity.name}`;
  const first = firstExamples(dataset[split], params.examples, label);
  const examples =
    params.seed === undefined ? first : drawn(dataset[split], params.seed, member, first.count);
  const fixed = evaluationMode(model.architecture, model.state);
  const gradient = await meanGradient(fixed.network, model.parameters, examples, params.batch, (done) => {
    context.signal.throwIfAborted();
    if (params.count === undefined) context.progress(done, examples.count, 'examples');
  }).finally(fixed.dispose);
  return {
    vector: mapVector(gradient, (t, i) => -gradient[t]!.values[i]!),
    made: {
      dataset: dataset.identity.name,
      split,
      examples: examples.count,
      ...(params.seed === undefined ? {} : { seed: params.seed, member }),
    },
    target: null,
  };
}

/** A batch of so many examples, drawn without replacement; each member's is another. */
export function drawn(examples: Examples, seed: number, member: number, count: number): Examples {
  return chosen(examples, new Random([seed, 'batch', member]).permutation(examples.count).subarray(0, count));
}

/** The examples of these indices. */
export function chosen(examples: Examples, indices: Uint32Array): Examples {
  return {
    ...examples,
    count: indices.length,
    labels: Uint16Array.from(indices, (index) => examples.labels[index]!),
    inputs: (own) => examples.inputs(Uint32Array.from(own, (i) => indices[i]!)),
  };
}

/** θ' - θ: at λ = 1 the unscaled direction reaches the other checkpoint, up to the rounding of float32. */
async function difference(context: Context, model: Model): Promise<Raw> {
  const [artifact] = context.list('to');
  if (!artifact)
    throw missingInput(context, 'a difference needs the input "to", the checkpoint at the other end');
  const to = await readCheckpoint(artifact.path!, `${context.stage}: the input to`);
  const label = to.seed === model.seed ? momentOf(to) : `${momentOf(to)} of seed ${to.seed}`;
  return {
    vector: between(context, model, to, 'to'),
    made: { to: { epoch: to.epoch, seed: to.seed } },
    target: { at: 1, label },
  };
}

/** From the model to another checkpoint. @throws UserError where the two are not of one network. */
export function between(
  context: Pick<Context, 'stage'>,
  model: Model,
  to: Model,
  input: string,
): ParameterVector {
  const problem = mismatch(model.parameters, to.parameters);
  if (problem)
    throw new UserError({
      severity: 'error',
      code: 'wrong-parameters',
      message: `${context.stage}: the inputs model and ${input} are not of one network: ${problem}`,
    });
  return mapVector(
    model.parameters,
    (t, i) => to.parameters[t]!.values[i]! - model.parameters[t]!.values[i]!,
  );
}

/** Σ cₖdₖ, summed in float64. A single direction keeps its kind and its target. */
async function combination(context: Context, model: Model): Promise<Raw> {
  const files = filesOf(context, 'of');
  if (files.length === 0)
    throw missingInput(context, 'a combination needs the input "of", the directions that are added');
  const coefficients = context.params.coefficients ?? files.map(() => 1);
  if (coefficients.length !== files.length)
    throw new UserError({
      severity: 'error',
      code: 'wrong-coefficients',
      message: `${context.stage}: ${coefficients.length} coefficients for ${files.length} directions`,
    });
  if (files.length === 1) {
    const only = await readDirection(files[0]!.path, files[0]!.label, model.parameters);
    const by = coefficients[0]!;
    return {
      vector: mapVector(only.vector, (t, i) => by * only.vector[t]!.values[i]!),
      made: { ...only.made, coefficients },
      target: only.target && by !== 0 ? { ...only.target, at: only.target.at / by } : null,
      kind: only.kind,
    };
  }
  const sums = model.parameters.map(({ values }) => new Float64Array(values.length));
  for (const [k, { path, label }] of files.entries()) {
    const { vector: own } = await readDirection(path, label, model.parameters);
    for (const [t, sum] of sums.entries())
      for (let i = 0; i < sum.length; i++) sum[i]! += coefficients[k]! * own[t]!.values[i]!;
  }
  const vector = mapVector(model.parameters, (t, i) => sums[t]![i]!);
  return { vector, made: { coefficients }, target: null };
}

/** The files of an input that takes several files and folders. */
export function filesOf(
  context: Pick<Context, 'list' | 'stage'>,
  input: string,
): { name: string; path: string; label: string; digest: string }[] {
  return context.list(input).flatMap(({ label, members, folder }) =>
    members.map(({ name, path, digest }) => ({
      name: folder ? name : '',
      path,
      digest,
      label: `${context.stage}: ${label}${folder ? `/${name}` : ''}`,
    })),
  );
}

export function missingInput(context: Context, message: string): UserError {
  return new UserError({ severity: 'error', code: 'missing-input', message: `${context.stage}: ${message}` });
}
