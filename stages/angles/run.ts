/**
 * Angles between Gaussian directions, gradients of batches, differences to checkpoints and given directions. One
 * Gaussian or gradient is in memory at a time, and a few targets: memory does not grow with the number of samples.
 * Every Gaussian and every gradient is a memo item.
 */
import { writeFile } from 'node:fs/promises';
import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { expectedLargestNormal } from '../../src/landscape/order-statistics.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { encodeDirection } from '../../src/network/direction.ts';
import { dimension, dot, mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { drawn, type Model, randomVector } from '../directions/raw.ts';
import type { AngleParameters } from './parameters.ts';
import type { AngleGroup, AngleTable } from './table.ts';
import { cosineOf, filesOfTargets, Targets } from './targets.ts';

type Context = StageContext<AngleParameters>;

const inDegrees = 180 / Math.PI;
const angle = (cosine: number): number => inDegrees * Math.acos(Math.max(-1, Math.min(1, cosine)));

/** One batch's negative gradient. */
interface GradientRow {
  readonly squaredNorm: number;
  /** The part of its norm that lies where Gaussians have values. */
  readonly share: number;
  /** Cosine with the Gaussian of its number; null where there is none. */
  readonly withGaussian: number | null;
  readonly withTargets: number[];
}

export async function run(context: Context): Promise<void> {
  const { params, memo, signal } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  const theta = model.parameters;
  const reached = theta.map(({ shape }) => params['one-dimensional'] === 'raw' || shape.length > 1);
  const gaussian = (member: number): ParameterVector =>
    randomVector('gaussian', theta, params.seed, member).map((tensor, t) =>
      reached[t] ? tensor : { ...tensor, values: new Float32Array(tensor.values.length) },
    );
  const targets = await Targets.open(context, model, reached);
  if (params.samples > 0 && targets.list.length === 0 && params.gradients === 0)
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: nothing to measure the angles of Gaussians with`,
      hint: 'give the input "against" or "to", or a number of gradients',
    });

  const work = params.samples + params.gradients;
  let done = 0;
  const tick = (): void => {
    signal.throwIfAborted();
    context.progress(++done, work, 'vectors');
  };
  const digests = targets.list.map(({ digest }) => digest);
  const samples = await memo.each(
    numbers(targets.list.length > 0 ? params.samples : 0),
    (member) => ({
      what: 'angles of a gaussian',
      member,
      seed: params.seed,
      'one-dimensional': params['one-dimensional'],
      model: at.digest,
      targets: digests,
    }),
    async (member) => {
      tick();
      return targets.cosines(gaussian(member));
    },
  );
  const gradients = await gradientRows(context, model, targets, gaussian, tick);
  const x: { name: string; cosines: number[] }[] = [];
  for (const { name, read } of await filesOfTargets(context, model, 'x'))
    x.push({ name, cosines: await targets.cosines(await read()) });

  const dimensions = dimension(theta.filter((_, t) => reached[t]));
  const groups = groupsOf(params, targets, samples, gradients, dimensions);
  const best = bestOf(groups);
  if (best) {
    const length = targets.list[0]?.norm ?? Math.sqrt(gradients[best.member]!.squaredNorm);
    await writeBest(context, gaussian(best.member), best, length);
  }
  const table: AngleTable = {
    format: 'orograph-angles/1',
    groups,
    given:
      x.length === 0
        ? null
        : {
            x: x.map(({ name }) => name),
            targets: targets.list.map(({ name }) => name),
            cosines: x.map(({ cosines }) => cosines),
          },
    squaredNorms: gradients.map(({ squaredNorm }) => squaredNorm),
    best,
    subject: {
      network: networkTitle(model.network),
      dataset: params.dataset ?? model.dataset.name,
      split: params.split,
      examples: params.examples,
      epoch: model.epoch,
      parameters: dimension(theta),
      engine: context.engine.name,
    },
  };
  await writeFile(context.output('angles'), `${JSON.stringify(table)}\n`);
}

function groupsOf(
  params: AngleParameters,
  targets: Targets,
  samples: readonly number[][],
  gradients: readonly GradientRow[],
  dimensions: number,
): AngleGroup[] {
  const expected = (share: number, count: number): NonNullable<AngleGroup['expected']> => {
    const deviation = share / Math.sqrt(dimensions);
    const smallest = 90 - inDegrees * Math.asin(Math.min(1, deviation * expectedLargestNormal(count)));
    return { deviation: inDegrees * deviation, smallest };
  };
  const pairs = gradients.filter(({ withGaussian }) => withGaussian !== null);
  const shares = pairs.reduce((sum, { share }) => sum + share, 0) / Math.max(1, pairs.length);
  return [
    ...targets.list.map(({ name, share }, k) => ({
      from: 'gaussian',
      to: name,
      degrees: samples.map((cosines) => angle(cosines[k]!)),
      expected: expected(share, params.samples),
    })),
    {
      from: 'gaussian',
      to: 'negative-gradient',
      degrees: pairs.map(({ withGaussian }) => angle(withGaussian!)),
      expected: expected(shares, pairs.length),
    },
    ...targets.list.map(({ name }, k) => ({
      from: 'negative-gradient',
      to: name,
      degrees: gradients.map(({ withTargets }) => angle(withTargets[k]!)),
    })),
  ].filter(({ degrees }) => degrees.length > 0);
}

/** The Gaussian with the smallest angle of the first group: that of the first target, or of the batches. */
function bestOf([first]: readonly AngleGroup[]): AngleTable['best'] {
  if (first?.from !== 'gaussian') return null;
  const degrees = Math.min(...first.degrees);
  return { member: first.degrees.indexOf(degrees), to: first.to, degrees };
}

/** Each batch's negative gradient with the targets and with the Gaussian of its number. */
async function gradientRows(
  context: Context,
  model: Model,
  targets: Targets,
  gaussian: (member: number) => ParameterVector,
  tick: () => void,
): Promise<GradientRow[]> {
  const { params } = context;
  if (params.gradients === 0) return [];
  await startEngine(context.engine, context.root);
  const { evaluationMode, meanGradient } = await import('../../src/network/loss.ts');
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const all = dataset[params.split];
  firstExamples(all, params.examples, `the ${params.split} split of ${dataset.identity.name}`);
  const fixed = evaluationMode(model.architecture, model.state);
  try {
    return await context.memo.each(
      numbers(params.gradients),
      (member) => ({
        what: 'angles of a gradient',
        member,
        gaussian: member < params.samples ? params['one-dimensional'] : null,
        seed: params.seed,
        model: context.input('model').digest,
        targets: targets.list.map(({ digest }) => digest),
        dataset: dataset.identity.digest,
        split: params.split,
        examples: params.examples,
        batch: params.batch,
      }),
      async (member): Promise<GradientRow> => {
        tick();
        const batch = drawn(all, params.seed, member, params.examples);
        const gradient = await meanGradient(fixed.network, model.parameters, batch, params.batch);
        const negative = mapVector(gradient, (t, i) => -gradient[t]!.values[i]!);
        const partner = member < params.samples ? gaussian(member) : undefined;
        return {
          squaredNorm: dot(negative, negative),
          share: targets.shareOf(negative),
          withGaussian: partner ? cosineOf(partner, negative) : null,
          withTargets: await targets.cosines(negative),
        };
      },
    );
  } finally {
    fixed.dispose();
  }
}

async function writeBest(
  context: Context,
  gaussian: ParameterVector,
  best: NonNullable<AngleTable['best']>,
  length: number,
): Promise<void> {
  const factor = length / norm(gaussian);
  await writeFile(
    context.output('best'),
    encodeDirection({
      vector: mapVector(gaussian, (t, i) => factor * gaussian[t]!.values[i]!),
      kind: 'gaussian',
      target: null,
      made: { seed: context.params.seed, ...best, norm: length },
    }),
  );
}

/** 0 … count-1. */
function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
