import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { networkTitle, parseNetworkSpec } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import type { ModuleSpec } from '../../src/network/network.ts';
import { networkFiles, networkOf, openNetwork } from '../../src/network/own-network.ts';
import trainKind from '../../stages/train/stage.ts';
import { startTestEngine } from '../support/engine.ts';
import { member, runKind } from '../support/stage-harness.ts';
import { tinyWorkspace } from '../support/tiny-dataset.ts';

const root = tinyWorkspace();
const ends = { inputs: 3072, classes: 3 };

/** A network of one hidden layer over the mean colours, with an activation of the user's choice. */
const source = (activation: string, comment = '') => `
import { meanColours } from './parts/colours.ts';
${comment}
export default ({ inputs, classes, settings }) => {
  const width: number = settings.width ?? 4;
  return {
    title: 'colours',
    parameters: [
      { name: 'hidden/kernel', shape: [3, width] },
      { name: 'hidden/scale', shape: [width] },
      { name: 'out/kernel', shape: [width, classes] },
      { name: 'out/bias', shape: [classes], start: 2 },
    ],
    forward(tf, [kernel, scale, out, bias], x) {
      const h = tf.mul(tf.matMul(meanColours(tf, x, inputs), kernel), scale);
      return tf.add(tf.matMul(${activation}, out), bias);
    },
  };
};
`;
function written(name: string, text: string): string {
  mkdirSync(join(root, 'nets', 'parts'), { recursive: true });
  writeFileSync(
    join(root, 'nets', 'parts', 'colours.ts'),
    'export const meanColours = (tf, x, inputs: number) => tf.mean(tf.reshape(x, [-1, 3, inputs / 3]), 2);\n',
  );
  writeFileSync(join(root, 'nets', name), text);
  return `nets/${name}`;
}
const open = (file: string, settings?: Record<string, unknown>) =>
  openNetwork({ name: 'module', file, ...(settings ? { settings } : {}) }, ends, root);

describe('networks of one’s own, by a TypeScript module', () => {
  beforeAll(async () => {
    await startTestEngine();
  });

  test('are built from the examples and the settings; all their sources count for keys', async () => {
    const file = written('a.ts', source('tf.tanh(h)'));
    const network = await open(file, { width: 6 });
    expect(network.parameters.map(({ shape }) => shape)).toEqual([[3, 6], [6], [6, 3], [3]]);
    expect(networkTitle(network.spec)).toBe('colours');
    expect(parseNetworkSpec(JSON.stringify(network.spec), 'it')).toEqual(network.spec);
    expect(networkFiles({ name: 'module', file }, root).map(({ name }) => name)).toEqual([
      'network/nets/a.ts',
      'network/nets/parts/colours.ts',
    ]);
    const [kernel, scale, , bias] = network.initialise('pytorch', 1);
    expect(Math.max(...kernel!.values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(3));
    expect([...scale!.values]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(Math.max(...bias!.values.map(Math.abs))).toBeGreaterThan(0);
  });

  test('are known by their code, blind to comments; a checkpoint of other code is refused', async () => {
    const file = written('b.ts', source('tf.tanh(h)'));
    const { spec } = await open(file);
    written('b.ts', source('tf.tanh(h)', '// A comment.'));
    expect((await open(file)).spec).toEqual(spec);
    await expect(networkOf(spec, root)).resolves.toBeDefined();
    written('b.ts', source('tf.sigmoid(h)'));
    expect(((await open(file)).spec as ModuleSpec).code).not.toBe((spec as ModuleSpec).code);
    const error = await networkOf(spec, root).catch((caught: unknown) => caught);
    expect((error as UserError).diagnostics[0]).toMatchObject({ code: 'network-changed' });
  });

  test('are trained, kept as checkpoints and read again, with exact products', async () => {
    const file = written('c.ts', source('tf.softplus(h)'));
    const params = { network: { name: 'module', file }, dataset: 'tiny', epochs: 2, batch: 20, seed: 1 };
    const { checkpoints } = await runKind(trainKind, params, { root });
    const { architecture, parameters, network } = await readCheckpoint(member(checkpoints!, '2').path!, 'it');
    expect(network).toMatchObject({ name: 'module', file });
    const examples = {
      count: 5,
      features: 3072,
      classes: 3,
      labels: Uint8Array.of(0, 1, 2, 1, 0),
      inputs: (rows: ArrayLike<number>) =>
        Float32Array.from({ length: rows.length * 3072 }, (_, i) =>
          Math.sin(rows[Math.floor(i / 3072)]! + (i % 3072)),
        ),
    };
    const hessian = new Hessian(architecture, parameters, examples, { batch: 5 });
    const [u, v] = [1, 2].map((k) => flattened(parameters).map((_, i) => Math.cos(k * i)));
    const [hu, hv] = [await hessian.product(u!), await hessian.product(v!)];
    const inner = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    expect(inner(v!, hu)).toBeCloseTo(inner(u!, hv), 5);
    expect(Math.abs(inner(v!, hu))).toBeGreaterThan(1e-4);
    hessian.dispose();
  });

  test('whose operations have no proven second derivative are refused by the operation’s name', async () => {
    const network = await open(written('d.ts', source('tf.cumsum(h, 1)')));
    const parameters = network.initialise('pytorch', 1);
    const examples = {
      count: 1,
      features: 3072,
      classes: 3,
      labels: Uint8Array.of(0),
      inputs: () => new Float32Array(3072).fill(1),
    };
    const hessian = new Hessian(network, parameters, examples, { batch: 1 });
    await expect(hessian.product(flattened(parameters))).rejects.toThrow(/not proven for Cumsum/);
    hessian.dispose();
    tf.disposeVariables();
  });

  test('with a parameter that forward does not use are refused by the parameter’s name', async () => {
    const text = source('tf.tanh(h)').replace(
      "{ name: 'out/kernel'",
      "{ name: 'spare', shape: [3] },\n      { name: 'out/kernel'",
    );
    const file = written('f.ts', text.replace('[kernel, scale, out, bias]', '[kernel, scale, , out, bias]'));
    const params = { network: { name: 'module', file }, dataset: 'tiny', epochs: 1, batch: 20, seed: 1 };
    await expect(runKind(trainKind, params, { root })).rejects.toThrow(
      'nets/f.ts: forward does not use "spare"',
    );
  });

  test('whose forward throws are told with the file’s name', async () => {
    const network = await open(written('g.ts', source('tf.matmul(h)')));
    const parameters = network
      .initialise('pytorch', 1)
      .map(({ values, shape }) => tf.tensor(values, [...shape]));
    expect(() => tf.tidy(() => network.forward(tf, parameters, tf.zeros([1, 3072])))).toThrow(
      'nets/g.ts:16:34: tf.matmul is not a function',
    );
    tf.dispose(parameters);
  });

  test('may be a list of layers', async () => {
    const file = written(
      'e.ts',
      `export default ({ classes, side }) => ({
        layers: [
          { name: 'means', from: ['input'], does: { kind: 'global-average' } },
          { name: 'dense', from: ['means'], does: { kind: 'dense', units: classes, bias: true } },
        ],
        input: [side / 2, side / 2, 3],
      });`,
    );
    const network = await open(file);
    expect(networkTitle(network.spec)).toBe('e');
    expect(network.parameters).toEqual([
      { name: 'dense/kernel', shape: [3, 3] },
      { name: 'dense/bias', shape: [3] },
    ]);
  });

  test.each([
    ['syntax', 'export default (', /syntax\.ts does not compile: line 1, column \d+: /],
    ['nothing', 'export const a = 1;', /does not compile|no default export/],
    ['noFunction', 'export default { a: 1 };', /no default export that builds/],
    ['noParameters', 'export default () => ({});', /neither layers nor parameters/],
    ['noForward', 'export default () => ({ parameters: [] });', /without a function "forward"/],
    [
      'throws',
      'export default () => { throw new Error("too wide"); };',
      /failed while it built its network: too wide/,
    ],
    [
      'twice',
      "export default () => ({ parameters: [{ name: 'a', shape: [1] }, { name: 'a', shape: [1] }], forward() {} });",
      /two parameters "a"/,
    ],
    [
      'shape',
      "export default () => ({ parameters: [{ name: 'a', shape: [0] }], forward() {} });",
      /"a" the shape \[0\]/,
    ],
  ])('with a mistake (%s) are refused with the file’s name', async (name, text, message) => {
    const error = await open(written(`${name}.ts`, text)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
    expect((error as UserError).message).toContain(`nets/${name}.ts`);
  });
});
