/** Cases of the residual networks for CIFAR, option A. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNetwork } from '../../src/network/architectures.ts';
import { flattened, Hessian, shaped } from '../../src/network/hessian.ts';
import { evaluationMode, LossMeter } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { recalibrated } from '../../src/network/recalibrate.ts';
import { mapVector, moved, type ParameterVector } from '../../src/network/tensors.ts';
import { length } from '../../src/spectral/basis.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';
import { expected, oracleImages, oracleVectorOf, trainedWeights } from '../../test/support/oracle.ts';
import { type Case, furthest } from './case.ts';
import { trainerOf } from './training.ts';

const networkOf = (depth: 20 | 32): Network =>
  buildNetwork({ name: 'resnet', depth, shortcut: 'A', inputs: 3072, classes: 10 });
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const weights20 = 'akamaster_resnet20-12fca82f_cifar10';

const trainImages = (count: number) => oracleImages('data_batch_1.bin', count, imagenet);
const testImages = (count: number) => oracleImages('test_batch.bin', count, imagenet);

/** An untrained ResNet-32 with statistics of its own: there are no trained weights beside the oracle. */
async function resnet32() {
  const network = networkOf(32);
  const parameters = network.initialise('he', 1);
  const state = await recalibrated(network, parameters, trainImages(1000), 'cumulative', 100);
  const random = new Random([1, 'benchmark']);
  const drawn = parameters.map(({ values }) => random.gaussians(values.length));
  const direction = mapVector(parameters, (t, i) => 0.02 * drawn[t]![i]!);
  return { network, parameters, state, direction };
}

/** A point of a curve, as the stage `evaluate` measures it. */
function point(recalibrate: boolean): Case['prepare'] {
  return async () => {
    const { network, parameters, state, direction } = await resnet32();
    const theta = moved(parameters, [{ direction, by: 0.2 }]);
    const [test, train] = [testImages(1000), trainImages(1000)];
    const meter = new LossMeter(network, test, 100);
    return {
      async run() {
        const at = moved(parameters, [{ direction, by: 0.2 }]);
        const fresh = recalibrate ? await recalibrated(network, at, train, 'cumulative', 100) : state;
        return (await meter.measure(at, fresh)).loss;
      },
      async check(loss) {
        const [exact] = await reference(recalibrate ? 'upbn' : 'keep', [theta, state]);
        return { of: 'the loss', deviation: Math.abs((loss as number) / exact! - 1), tolerance: 1e-5 };
      },
    };
  };
}

/** The same of the trained ResNet-20, at its own parameters. */
function point20(recalibrate: boolean): Case['prepare'] {
  return () => {
    const network = networkOf(20);
    const { parameters, state } = trainedWeights(weights20, network);
    const [test, train] = [testImages(1000), trainImages(1000)];
    const meter = new LossMeter(network, test, 100);
    return {
      async run() {
        const fresh = recalibrate ? await recalibrated(network, parameters, train, 'cumulative', 100) : state;
        return (await meter.measure(parameters, fresh)).loss;
      },
      async check(loss) {
        const { curve_upbn: upbn, test_first_1000: keep } = expected('rn20');
        const exact = recalibrate ? upbn.loss[5] : keep.loss;
        return { of: 'the loss', deviation: Math.abs((loss as number) / exact - 1), tolerance: 1e-6 };
      },
    };
  };
}

/** What PyTorch computes in float64 from parameters, statistics and vectors: `reference.py`. */
async function reference(what: string, given: readonly ParameterVector[]): Promise<Float64Array> {
  const folder = mkdtempSync(join(tmpdir(), 'orograph-reference-'));
  try {
    const [input, output] = [join(folder, 'given'), join(folder, 'found')];
    writeFileSync(input, Buffer.concat(given.map((vector) => Buffer.from(turned(vector).buffer))));
    const program = join(packageRoot(), 'bench', 'numerics', 'reference.py');
    execFileSync('/usr/bin/python3', [program, what, input, output], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Float64Array(Uint8Array.from(readFileSync(output)).buffer);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As PyTorch orders numbers: kernels out, in, rows, columns; dense layers out, in. */
function turned(vector: ParameterVector): Float32Array {
  return flattened(
    vector.map((tensor) => {
      const { shape, values } = tensor;
      if (shape.length < 2) return tensor;
      const out = shape.at(-1)!;
      const from = shape.at(-2)!;
      const taps = values.length / (from * out);
      const result = new Float32Array(values.length);
      for (let t = 0; t < taps; t++)
        for (let i = 0; i < from; i++)
          for (let o = 0; o < out; o++) result[(o * from + i) * taps + t] = values[(t * from + i) * out + o]!;
      return { ...tensor, values: result };
    }),
  );
}

export const residualCases: Readonly<Record<string, Case>> = {
  rn32_point: { peers: ['rn32_point_eval'], engines: ['onnx'], prepare: point(false) },
  rn32_point_upbn: { peers: ['rn32_point_upbn'], engines: ['onnx'], prepare: point(true) },
  rn32_step: {
    peers: ['rn32_step128'],
    engines: ['onnx'],
    async prepare() {
      const network = networkOf(32);
      const parameters = network.initialise('he', 1);
      const trainer = trainerOf(network, parameters, trainImages(128), 0.02);
      return {
        run: () => trainer.epoch(),
        async check() {
          const found = (await trainer.losses()).slice(0, 3);
          const exact = await reference('steps', [parameters]);
          return {
            of: `the losses of ${found.length} steps`,
            deviation: furthest(found, exact.subarray(0, found.length)),
            // Float32 PyTorch: 1.7e-4 at the third.
            tolerance: 5e-4,
          };
        },
      };
    },
  },
  rn32_hvp: {
    peers: ['hvp_rn32_128_keep', 'hvp_rn32_128_recompute'],
    engines: ['onnx'],
    async prepare() {
      const { network, parameters, state, direction } = await resnet32();
      const fixed = evaluationMode(network, state);
      const hessian = new Hessian(fixed.network, parameters, testImages(128), { batch: 128 });
      const v = flattened(direction);
      return {
        run: () => hessian.product(v),
        async check(product) {
          const found = turned(shaped(product as Float32Array, parameters));
          const exact = await reference('hvp', [parameters, state, direction]);
          const difference = exact.map((value, i) => found[i]! - value);
          // Float32 PyTorch: 4.7e-4; some of the untrained network's ReLUs are on the other side of 0.
          return { of: 'Hv', deviation: length(difference) / length(exact), tolerance: 2e-3 };
        },
      };
    },
  },
  rn20_point: { peers: ['rn20_point_eval'], engines: ['onnx'], prepare: point20(false) },
  rn20_point_upbn: { peers: ['rn20_point_upbn'], engines: ['onnx'], prepare: point20(true) },
  rn20_step: {
    peers: ['rn20_step128'],
    engines: ['onnx'],
    prepare() {
      const network = networkOf(20);
      const { parameters } = trainedWeights(weights20, network);
      const trainer = trainerOf(network, parameters, trainImages(128), 1e-4);
      return {
        run: () => trainer.epoch(),
        async check() {
          // The oracle's loss in training mode is that of 64 test images.
          const other = trainerOf(network, parameters, testImages(64), 1e-4);
          await other.epoch();
          const [found] = await other.losses();
          const exact = expected('rn20').bn_train_64.loss as number;
          return { of: 'the loss before a step', deviation: Math.abs(found! / exact - 1), tolerance: 2e-6 };
        },
      };
    },
  },
  rn20_hvp: {
    peers: ['hvp_rn20_64_recompute'],
    engines: ['onnx'],
    prepare() {
      const network = networkOf(20);
      const { parameters, state } = trainedWeights(weights20, network);
      const fixed = evaluationMode(network, state);
      const hessian = new Hessian(fixed.network, parameters, testImages(64), { batch: 64 });
      const v = flattened(oracleVectorOf('rn20_v', network));
      return {
        run: () => hessian.product(v),
        async check(product) {
          const exact = flattened(oracleVectorOf('rn20_eval_hv64', network));
          const difference = exact.map((value, i) => (product as Float32Array)[i]! - value);
          return { of: 'Hv', deviation: length(difference) / length(exact), tolerance: 2e-5 };
        },
      };
    },
  },
  rn20_eigenpairs: {
    peers: ['listing1_rn20_64'],
    engines: ['onnx'],
    whole: true,
    prepare() {
      const network = networkOf(20);
      const { parameters, state } = trainedWeights(weights20, network);
      const fixed = evaluationMode(network, state);
      return {
        async run() {
          const hessian = new Hessian(fixed.network, parameters, testImages(64), { batch: 64 });
          const ends = { largest: 5, smallest: 5 };
          const run = { basis: 40, tolerance: 1e-3, maxProducts: 2000, seed: 1 };
          const found = await eigenpairs(hessian, { ...ends, ...run });
          hessian.dispose();
          return found;
        },
        async check(result) {
          const { largest, smallest } = result as Awaited<ReturnType<typeof eigenpairs>>;
          const { LA, SA } = expected('rn20_eig64');
          const found = [...largest.slice(0, 3), ...smallest.slice(0, 3)].map(({ value }) => value);
          const deviation = furthest(found, [...LA.values, ...SA.values]);
          return { of: '3 + 3 eigenvalues', deviation, tolerance: 1e-4 };
        },
        note: (result) => `${(result as { products: number }).products} products`,
      };
    },
  },
};
