import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AffineMeter } from '../../src/network/affine-meter.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Measurement } from '../../src/network/loss.ts';
import { meanGradient } from '../../src/network/loss.ts';
import { mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { countStationaryPoints } from '../../stages/classify/stationary-points.ts';
import { scaled } from '../../stages/directions/scaling.ts';
import { linspace } from '../../stages/evaluate/grid.ts';
import { startTestEngine } from '../support/engine.ts';
import { expected, oracleImages, oracleMissing, oracleVector } from '../support/oracle.ts';

/**
 * Every point of every curve and of the surface of the MLP, as the stage `evaluate` measures them: by the affine first
 * layer. `oracle.test.ts` measures some of them plainly.
 */
const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
const title = `curves of the 3072-128-10 MLP against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;

interface Curve {
  readonly lambda_from: number;
  readonly lambda_to: number;
  readonly points: number;
  readonly loss: readonly number[];
  readonly acc: readonly number[];
  readonly stationary: number;
  readonly direction_norm?: number;
}

describe.skipIf(oracleMissing !== undefined)(title, () => {
  const directions = new Map<string, ParameterVector>();
  const points = {} as Record<'init' | 'trained', { theta: ParameterVector; meter: AffineMeter }>;

  beforeAll(async () => {
    await startTestEngine();
    const thousand = oracleImages('data_batch_1.bin', 1000);
    for (const point of ['init', 'trained'] as const) {
      const theta = oracleVector(`mlp_${point}_a`);
      const meter = new AffineMeter(network, theta, thousand, 500, async (name) => directions.get(name)!);
      points[point] = { theta, meter };
    }
  });
  afterAll(() => {
    for (const { meter } of Object.values(points)) meter.dispose();
  });

  /** Compares all of a curve: losses, accuracies, the count of stationary points. */
  async function same(
    point: 'init' | 'trained',
    name: string,
    direction: ParameterVector,
    curve: Curve,
    tolerance = 1e-6,
  ): Promise<void> {
    directions.set(name, direction);
    const lambdas = linspace(curve.lambda_from, curve.lambda_to, curve.points);
    const found = await points[point].meter.measureAll(lambdas.map((by) => [{ direction: name, by }]));
    expect(found).toHaveLength(curve.loss.length);
    expect.soft(furthest(found, curve.loss), `losses of ${name}`).toBeLessThan(tolerance);
    const accuracies = found.map(({ accuracy }, i) => Math.abs(accuracy - curve.acc[i]!));
    // Of a thousand images one or two may be a near tie.
    expect.soft(Math.max(...accuracies), `accuracies of ${name}`).toBeLessThanOrEqual(0.0021);
    expect
      .soft(countStationaryPoints(found.map(({ loss }) => loss)), `stationary points of ${name}`)
      .toBe(curve.stationary);
    if (curve.direction_norm !== undefined)
      expect
        .soft(Math.abs(norm(direction) / curve.direction_norm - 1), `the norm of ${name}`)
        .toBeLessThan(2e-7);
  }

  const furthest = (found: readonly Measurement[], losses: readonly number[]): number =>
    Math.max(...found.map(({ loss }, i) => Math.abs(loss / losses[i]! - 1)));

  /** Kernel and bias of a layer are one group: the whole-norm scaling of each. */
  const byModule = (direction: ParameterVector, theta: ParameterVector, rule: 'zero' | 'scale') =>
    theta
      .filter((_, t) => t % 2 === 0)
      .flatMap((_, layer) => {
        const own = (vector: ParameterVector) => vector.slice(2 * layer, 2 * layer + 2);
        return scaled(own(direction), own(theta), 'norm', rule);
      });

  const gaussians = ['init', 'trained'].flatMap((point) => {
    const curves = oracleMissing ? {} : expected('mlp_curves')[point];
    const names = Object.keys(curves).filter((name) => name.startsWith('dir1_'));
    return names.map((name) => [point as 'init' | 'trained', name, curves[name] as Curve] as const);
  });

  test('the reference has twenty scalings of one Gaussian direction', () => {
    expect(gaussians).toHaveLength(20);
  });

  test.each(gaussians)('%s, %s', async (point, name, curve) => {
    const [, kind, suffix] = name.split('_') as [string, string, string];
    const rule = ({ zeroed: 'zero', scaled: 'scale', raw: 'raw', copyw: 'copy' } as const)[suffix]!;
    const { theta } = points[point];
    const gaussian = oracleVector('mlp_dir1');
    const direction =
      kind === 'module'
        ? byModule(gaussian, theta, rule as 'zero')
        : scaled(
            gaussian,
            theta,
            ({ whole: 'norm', layer: 'layer', filter: 'filter' } as const)[kind]!,
            rule,
          );
    await same(point, name, direction, curve);
  });

  test.each(['init', 'trained'] as const)('%s, along the negative gradient', async (point) => {
    const curves = expected('mlp_curves')[point];
    const { theta } = points[point];
    const gradient = await meanGradient(network, theta, oracleImages('data_batch_1.bin', 1000), 500);
    const negative = mapVector(gradient, (t, i) => -gradient[t]!.values[i]!);
    // The gradient is float32's, 2e-7 from the reference, and losses are up to 98.
    await same(point, 'neggrad_s0.1', negative, curves['neggrad_s0.1'], 3e-6);
    await same(point, 'neggrad_s1.0', negative, curves['neggrad_s1.0'], 3e-6);
    await same(
      point,
      'neggrad_whole_s1.0',
      scaled(negative, theta, 'norm', 'scale'),
      curves['neggrad_whole_s1.0'],
      3e-6,
    );
  });

  test.each([
    ['init', 'mlp_trained_a', 'mli_init_to_trained'],
    ['trained', 'mlp_trained_b', 'wbasin_trained_a_to_b'],
  ] as const)('%s, to %s', async (point, target, name) => {
    const { theta } = points[point];
    const there = oracleVector(target);
    const towards = mapVector(theta, (t, i) => there[t]!.values[i]! - theta[t]!.values[i]!);
    await same(point, name, towards, expected('mlp_curves')[name]);
  });

  test.each(['PE1', 'NE1'])('trained, along %s', async (name) => {
    // Eigenvectors of length 1.
    const direction = oracleVector(`mlp_trained_${name}`);
    await same('trained', name, direction, expected('mlp_curvature_trained')[`curve_${name}`]);
  });

  test('init, the whole surface over two directions', async () => {
    const { loss } = expected('mlp_curves').init.surface11_dir1_dir2_whole as { loss: number[][] };
    const { theta, meter } = points.init;
    for (const name of ['dir1', 'dir2'])
      directions.set(name, scaled(oracleVector(`mlp_${name}`), theta, 'norm', 'scale'));
    const lambdas = linspace(-1, 1, 11);
    const steps = lambdas.flatMap((x) =>
      lambdas.map((y) => [
        { direction: 'dir1', by: x },
        { direction: 'dir2', by: y },
      ]),
    );
    expect(furthest(await meter.measureAll(steps), loss.flat())).toBeLessThan(1e-6);
  });
});
