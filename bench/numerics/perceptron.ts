/** Cases of the multilayer perceptron 3072-128-10. */
import { availableParallelism } from 'node:os';
import { AffineMeter, type Step } from '../../src/network/affine-meter.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import { flattened, shaped } from '../../src/network/hessian.ts';
import { type HessianOperator, hessianOperator } from '../../src/network/hessian-operator.ts';
import { oneHot, toTensors } from '../../src/network/loss.ts';
import { mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { length } from '../../src/spectral/basis.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import { Random } from '../../src/util/random.ts';
import { linspace } from '../../stages/evaluate/grid.ts';
import { peakObjective } from '../../stages/mine/objective.ts';
import { DescentStep } from '../../stages/mine/step.ts';
import { expected, oracleImages, oracleUnits, oracleVector } from '../../test/support/oracle.ts';
import { type Case, type Check, furthest } from './case.ts';
import { reference } from './reference.ts';
import { trainerOf } from './training.ts';

const mlp = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });

const wholeNorm = (direction: ParameterVector, theta: ParameterVector): ParameterVector => {
  const factor = norm(theta) / norm(direction);
  return mapVector(direction, (t, i) => factor * direction[t]!.values[i]!);
};
const worst = (found: ArrayLike<number>, exact: ArrayLike<number>): number =>
  Array.from(exact).reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0);

/** The trained weights, and directions as long as they are. */
function landscape(...names: readonly string[]): {
  readonly theta: ParameterVector;
  readonly directions: ReadonlyMap<string, ParameterVector>;
} {
  const theta = oracleVector('mlp_trained_a');
  return { theta, directions: new Map(names.map((name) => [name, wholeNorm(oracleVector(name), theta)])) };
}

/** Losses at all points of a grid over directions; nothing is known of them before, as in a stage. */
async function grid(
  examples: Examples,
  points: number,
  { theta, directions }: ReturnType<typeof landscape>,
): Promise<number[]> {
  const threads = availableParallelism();
  const meter = new AffineMeter(mlp, theta, examples, 512, async (name) => directions.get(name)!, threads);
  const all = [...directions.keys()].reduce<Step[][]>(
    (paths, direction) =>
      paths.flatMap((steps) => linspace(-1, 1, points).map((by) => [...steps, { direction, by }])),
    [[]],
  );
  const losses: number[] = [];
  // As many at a time as the stage has.
  for (let start = 0; start < all.length; start += 64)
    for (const { loss } of await meter.measureAll(all.slice(start, start + 64))) losses.push(loss);
  meter.dispose();
  return losses;
}

async function curveCheck(): Promise<Check> {
  const found = await grid(oracleImages('data_batch_1.bin', 1000), 41, landscape('mlp_dir1'));
  const exact = expected('mlp_curves').trained.dir1_whole_scaled.loss as number[];
  return { of: 'losses, 41 points on 1,000 images', deviation: furthest(found, exact), tolerance: 2e-6 };
}

function curvature(images = 1000): HessianOperator {
  const examples = oracleImages('data_batch_1.bin', images);
  return hessianOperator(mlp, oracleVector('mlp_trained_a'), examples, { batch: images });
}

type Pairs = Awaited<ReturnType<typeof eigenpairs>>;

/** The ten largest and the ten smallest, from nothing. */
async function extremes(images: number): Promise<Pairs> {
  const hessian = curvature(images);
  const found = await eigenpairs(hessian, {
    largest: 10,
    smallest: 10,
    basis: 60,
    tolerance: 1e-3,
    maxProducts: 3000,
    seed: 1,
  });
  hessian.dispose();
  return found;
}

const productsOf = (result: unknown): string => `${(result as Pairs).products} products`;

/** Algorithm 1: an epoch's steps, in order. */
async function mined(
  step: DescentStep,
  examples: Examples,
  unit: (batch: number) => number,
): Promise<number> {
  let last = 0;
  for (const [b, indices] of batches(inOrder(examples.count), 128).entries()) {
    const room = (width: number): Float32Array => new Float32Array(indices.length * width);
    const { features, classes } = examples;
    const inputs = { values: examples.inputs(indices, room(features)), shape: [indices.length, features] };
    const targets = { values: oneHot(examples, indices, room(classes)), shape: [indices.length, classes] };
    last = (await step.take(inputs, targets, 1, unit(b), 0.05))[0]!;
  }
  return last;
}

export const perceptronCases: Readonly<Record<string, Case>> = {
  mlp_curve_b1000: {
    peers: ['mlp_curve_b1000'],
    engines: ['wasm', 'onnx'],
    prepare() {
      const examples = oracleImages('data_batch_1.bin', 10_000);
      const line = landscape('mlp_dir1');
      return { run: () => grid(examples, 41, line), check: curveCheck };
    },
  },
  mlp_surface: {
    peers: ['mlp_surface_row51'],
    engines: ['wasm', 'onnx'],
    whole: true,
    prepare() {
      const examples = oracleImages('data_batch_1.bin', 10_000);
      const plane = landscape('mlp_dir1', 'mlp_dir2');
      return { run: () => grid(examples, 51, plane), check: curveCheck };
    },
  },
  mlp_epoch: {
    peers: ['mlp_epoch'],
    engines: ['onnx'],
    prepare() {
      const trainer = trainerOf(
        mlp,
        oracleVector('mlp_init_a'),
        oracleImages('data_batch_1.bin', 10_000),
        0.005,
      );
      return {
        run: () => trainer.epoch(),
        async check() {
          const exact = expected('mlp_training')['a_lr0.005'].epochs[0].mean_batch_loss as number;
          const [found] = await trainer.losses();
          return {
            of: "the first epoch's mean loss",
            deviation: Math.abs(found! / exact - 1),
            tolerance: 2e-6,
          };
        },
      };
    },
  },
  mlp_mine_epoch: {
    peers: ['mlp_mine_epoch'],
    engines: ['onnx'],
    prepare() {
      const theta = oracleVector('mlp_trained_a');
      const examples = oracleImages('data_batch_1.bin', 10_000);
      const objective = peakObjective(mlp, toTensors(theta), theta, { epochs: 1, reach: 1 });
      const step = new DescentStep(objective, 0);
      const units = new Random([1, 'benchmark']);
      return {
        run: () => mined(step, examples, () => 2 * units.uniform() - 1),
        async check() {
          const steps = expected('mlp_short_checks').wpeak_trained_a_epoch1 as { norm: number }[];
          const exact = steps.at(-1)!.norm;
          const fresh = new DescentStep(
            peakObjective(mlp, toTensors(theta), theta, { epochs: 10, reach: 1 }),
            0,
          );
          const drawn = oracleUnits('wpeak_u');
          await mined(fresh, examples, (b) => drawn[b]!);
          const found = norm(fresh.position.point);
          return {
            of: 'the norm of ε after an epoch',
            deviation: Math.abs(found / exact - 1),
            tolerance: 2e-6,
          };
        },
      };
    },
  },
  mlp_hvp: {
    peers: ['hvp_mlp1000_keep', 'hvp_mlp1000_recompute'],
    engines: ['onnx'],
    prepare() {
      const hessian = curvature();
      const v = flattened(oracleVector('mlp_v'));
      return {
        run: () => hessian.product(v),
        async check(product) {
          const exact = flattened(oracleVector('mlp_trained_hv'));
          const difference = exact.map((value, i) => (product as Float32Array)[i]! - value);
          return { of: 'Hv', deviation: length(difference) / length(exact), tolerance: 8e-7 };
        },
      };
    },
  },
  mlp_eigenpairs: {
    peers: ['listing1_mlp1000'],
    engines: ['wasm', 'onnx'],
    whole: true,
    prepare: () => ({
      run: () => extremes(1000),
      async check(result) {
        const { largest, smallest } = result as Pairs;
        const { eig_LA, eig_SA } = expected('mlp_curvature_trained');
        const values = (pairs: readonly { value: number }[]): number[] => pairs.map(({ value }) => value);
        return {
          of: 'the 20 eigenvalues',
          deviation: Math.max(worst(values(largest), eig_LA.values), worst(values(smallest), eig_SA.values)),
          tolerance: 2e-5,
        };
      },
      note: productsOf,
    }),
  },
  mlp_eig500: {
    peers: ['listing1_mlp500'],
    engines: ['onnx'],
    whole: true,
    prepare: () => ({
      run: () => extremes(500),
      async check(result) {
        const { largest, smallest } = result as Pairs;
        const pairs = [...largest, ...smallest];
        const theta = oracleVector('mlp_trained_a');
        const vectors = pairs.map(({ vector }) => shaped(vector, theta));
        const exact = await reference('mlp', 'rayleigh', [theta, ...vectors]);
        return {
          of: 'the 20 eigenvalues from their vectors’ quotients',
          deviation: worst(
            pairs.map(({ value }) => value),
            exact,
          ),
          tolerance: 2e-5,
        };
      },
      note: productsOf,
    }),
  },
  mlp_density: {
    peers: ['mlp_slq100_data1000'],
    engines: ['onnx'],
    prepare: () => ({
      async run() {
        const hessian = curvature();
        const found = await lanczosQuadrature(hessian, rademacher(1, 0, hessian.dimension), 100);
        hessian.dispose();
        return found;
      },
      async check(result) {
        const { eig_LA } = expected('mlp_curvature_trained');
        const { nodes } = result as { nodes: number[] };
        const deviation = Math.abs(nodes.at(-1)! - eig_LA.values[0]);
        return { of: 'the largest Ritz value', deviation, tolerance: 2e-5 };
      },
    }),
  },
};
