/**
 * One case of the numerical benchmark on one engine, in a process of its own: prints a line of JSON. `run.mjs` bundles
 * and starts it.
 *
 *     cases.mjs CASE ENGINE REPETITIONS
 */
import { engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { EngineSpec } from '../../src/kind/stage-kind.ts';
import { AffineMeter } from '../../src/network/affine-meter.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import { evaluationMode, LossMeter } from '../../src/network/loss.ts';
import { recalibrated } from '../../src/network/recalibrate.ts';
import { mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { length } from '../../src/spectral/basis.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import {
  expected,
  oracleImages,
  oracleVector,
  oracleVectorOf,
  trainedWeights,
} from '../../test/support/oracle.ts';

/** What was computed against float64 PyTorch or SciPy: a deviation, and what it may be. */
interface Check {
  readonly of: string;
  readonly deviation: number;
  readonly tolerance: number;
}

interface Case {
  /** What is timed; what comes before it is not. */
  run(): Promise<unknown>;
  /** After the timed runs, with the last one's result. */
  check(result: unknown): Promise<Check>;
  /** What else is worth a word. */
  note?(result: unknown): string;
}

const mlp = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
const linspace = (points: number): number[] =>
  Array.from({ length: points }, (_, i) => (2 * i) / (points - 1) - 1);
const wholeNorm = (direction: ParameterVector, theta: ParameterVector): ParameterVector => {
  const factor = norm(theta) / norm(direction);
  return mapVector(direction, (t, i) => factor * direction[t]!.values[i]!);
};
const worst = (found: ArrayLike<number>, exact: ArrayLike<number>): number =>
  Array.from(exact).reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0);
const distance = (found: Float32Array, exact: Float32Array): number =>
  length(exact.map((value, i) => found[i]! - value)) / length(exact);

/** Losses at all points of a grid over directions, each meter from nothing, as a stage would. */
async function grid(examples: Examples, points: number, names: readonly string[]): Promise<number[]> {
  const theta = oracleVector('mlp_trained_a');
  const vectors = new Map(names.map((name) => [name, wholeNorm(oracleVector(name), theta)]));
  const meter = new AffineMeter(mlp, theta, examples, 512, async (name) => vectors.get(name)!);
  const losses: number[] = [];
  const walk = async (steps: { direction: string; by: number }[]): Promise<void> => {
    const name = names[steps.length];
    if (name === undefined) losses.push((await meter.measure(steps)).loss);
    else for (const by of linspace(points)) await walk([...steps, { direction: name, by }]);
  };
  await walk([]);
  meter.dispose();
  return losses;
}

async function curveCheck(): Promise<Check> {
  const found = await grid(oracleImages('data_batch_1.bin', 1000), 41, ['mlp_dir1']);
  const exact = expected('mlp_curves').trained.dir1_whole_scaled.loss as number[];
  return {
    of: 'losses, 41 points on 1,000 images',
    deviation: Math.max(...exact.map((value, i) => Math.abs(found[i]! / value - 1))),
    tolerance: 2e-6,
  };
}

function perceptron(count = 1000): Hessian {
  return new Hessian(mlp, oracleVector('mlp_trained_a'), oracleImages('data_batch_1.bin', count), {
    batch: 1000,
  });
}

const resnet20 = buildNetwork({ name: 'resnet', depth: 20, shortcut: 'A', inputs: 3072, classes: 10 });
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

function resnetPoint(recalibrate: boolean): Case {
  const { parameters, state } = trainedWeights('akamaster_resnet20-12fca82f_cifar10', resnet20);
  const test = oracleImages('test_batch.bin', 1000, imagenet);
  const train = oracleImages('data_batch_1.bin', 1000, imagenet);
  const meter = new LossMeter(resnet20, test, 100);
  const lossAt = async (theta: ParameterVector, fresh: boolean): Promise<number> => {
    const statistics = fresh ? await recalibrated(resnet20, theta, train, 'cumulative', 100) : state;
    return (await meter.measure(theta, statistics)).loss;
  };
  return {
    run: () => lossAt(parameters, recalibrate),
    async check(loss) {
      const { test_first_1000, curve_upbn } = expected('rn20');
      const exact = recalibrate ? curve_upbn.loss[5] : test_first_1000.loss;
      return { of: 'the loss', deviation: Math.abs((loss as number) / exact - 1), tolerance: 2e-6 };
    },
  };
}

const cases: Record<string, () => Case> = {
  mlp_curve_b1000: () => {
    const examples = oracleImages('data_batch_1.bin', 10_000);
    return { run: () => grid(examples, 41, ['mlp_dir1']), check: curveCheck };
  },
  mlp_surface_row51: () => {
    const examples = oracleImages('data_batch_1.bin', 10_000);
    return {
      run: () => grid(examples, 51, ['mlp_dir1', 'mlp_dir2']),
      check: curveCheck,
      note: () => 'all 51 x 51 points',
    };
  },
  hvp_mlp1000_keep: () => {
    const hessian = perceptron();
    const v = flattened(oracleVector('mlp_v'));
    return {
      run: () => hessian.product(v),
      check: async (product) => ({
        of: 'Hv',
        deviation: distance(product as Float32Array, flattened(oracleVector('mlp_trained_hv'))),
        tolerance: 8e-7,
      }),
    };
  },
  mlp_eig1000: () => ({
    async run() {
      const hessian = perceptron();
      const ends = { largest: 10, smallest: 10 };
      const found = await eigenpairs(hessian, {
        ...ends,
        basis: 60,
        tolerance: 1e-3,
        maxProducts: 3000,
        seed: 1,
      });
      hessian.dispose();
      return found;
    },
    async check(result) {
      const { largest, smallest } = result as Awaited<ReturnType<typeof eigenpairs>>;
      const { eig_LA, eig_SA } = expected('mlp_curvature_trained');
      const values = (pairs: readonly { value: number }[]): number[] => pairs.map(({ value }) => value);
      return {
        of: 'the 20 eigenvalues',
        deviation: Math.max(worst(values(largest), eig_LA.values), worst(values(smallest), eig_SA.values)),
        tolerance: 2e-5,
      };
    },
    note: (result) => `${(result as { products: number }).products} products`,
  }),
  mlp_slq100_data1000: () => ({
    async run() {
      const hessian = perceptron();
      const found = await lanczosQuadrature(hessian, rademacher(1, 0, hessian.dimension), 100);
      hessian.dispose();
      return found;
    },
    async check(result) {
      const { eig_LA } = expected('mlp_curvature_trained');
      const { nodes } = result as { nodes: number[] };
      return {
        of: 'the largest Ritz value',
        deviation: Math.abs(nodes.at(-1)! - eig_LA.values[0]),
        tolerance: 2e-5,
      };
    },
  }),
  rn20_point_eval: () => resnetPoint(false),
  rn20_point_upbn: () => resnetPoint(true),
  hvp_rn20_64_recompute: () => {
    const { parameters, state } = trainedWeights('akamaster_resnet20-12fca82f_cifar10', resnet20);
    const fixed = evaluationMode(resnet20, state);
    const images = oracleImages('test_batch.bin', 64, imagenet);
    const hessian = new Hessian(fixed.network, parameters, images, { batch: 64 });
    const v = flattened(oracleVectorOf('rn20_v', resnet20));
    return {
      run: () => hessian.product(v),
      check: async (product) => ({
        of: 'Hv',
        deviation: distance(product as Float32Array, flattened(oracleVectorOf('rn20_eval_hv64', resnet20))),
        tolerance: 2e-5,
      }),
    };
  },
};

async function main([name, engine, repetitions]: readonly string[]): Promise<void> {
  if (name === 'list') {
    console.log(Object.keys(cases).join('\n'));
    return;
  }
  const spec = engine as EngineSpec['name'];
  await startEngine({ name: spec, identity: engineIdentity(spec, process.cwd()) }, process.cwd());
  const one = cases[name!]!();
  const samples: { wall: number; cpu: number }[] = [];
  let result: unknown;
  // The first warms up: compilation, and what is kept.
  for (let i = 0; i <= Number(repetitions); i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    result = await one.run();
    const { user, system } = process.cpuUsage(used);
    const sample = { wall: (performance.now() - start) / 1e3, cpu: (user + system) / 1e6 };
    if (i > 0 || Number(repetitions) === 0) samples.push(sample);
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const check = await one.check(result);
  console.log(
    JSON.stringify({ samples, megabytes, tensors: tf.memory().numTensors, check, note: one.note?.(result) }),
  );
}

await main(process.argv.slice(2));
