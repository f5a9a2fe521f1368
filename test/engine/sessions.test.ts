import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { availableEngines, engineIdentity } from '../../src/engine/engine.ts';
import { RecordingBackend } from '../../src/engine/onnx/backend.ts';
import { CompiledFunction } from '../../src/engine/onnx/compile.ts';
import { graphOf, workingBytes } from '../../src/engine/onnx/graph.ts';
import { loadRuntime, type NativeSession, type Runtime } from '../../src/engine/onnx/runtime.ts';
import { type Program, type SessionSettings, Sessions } from '../../src/engine/onnx/sessions.ts';
import { startWith } from '../../src/engine/onnx/start.ts';
import { Value } from '../../src/engine/onnx/value.ts';
import { graphicsCards } from '../../src/engine/onnx-package.ts';
import { findPackage } from '../../src/engine/packages.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { Instance, Plan } from '../../src/plan/plan.ts';
import { Engines } from '../../src/run/engines.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { drawn } from './kernels.ts';

const root = packageRoot();
const installed = availableEngines(root).find(({ name }) => name === 'onnx')!.available;

interface SessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads: number;
  readonly extra: { readonly session: { readonly intra_op: { readonly allow_spinning: string } } };
}

/** The real runtime, and what is asked of it. */
class Counted {
  opened = 0;
  closed = 0;
  runs = 0;
  readonly options: SessionOptions[] = [];
  readonly runtime: Runtime;

  constructor() {
    const real = loadRuntime(findPackage('onnxruntime-node', root)!.folder);
    const count = this;
    this.runtime = {
      Tensor: real.Tensor,
      Session: class implements NativeSession {
        readonly #session = new real.Session();
        loadModel(...given: Parameters<NativeSession['loadModel']>): void {
          this.#session.loadModel(...given);
          count.options.push(given[3] as SessionOptions);
          count.opened++;
        }
        run(...given: Parameters<NativeSession['run']>): ReturnType<NativeSession['run']> {
          count.runs++;
          return this.#session.run(...given);
        }
        endProfiling(): void {
          this.#session.endProfiling();
        }
        dispose(): void {
          count.closed++;
          this.#session.dispose();
        }
      },
    };
  }
}

const alone: SessionSettings = { provider: 'cpu', threads: 1, spinning: false };

/** x + by */
function adding(by: number): Program {
  const io = { dtype: 'float32', shape: [1], axes: undefined } as const;
  return {
    nodes: [{ op: 'Add', domain: '', inputs: ['x', 'by'], outputs: ['sum'], attributes: {} }],
    inputs: [{ name: 'x', ...io }],
    outputs: [{ name: 'sum', ...io }],
    constants: [
      { name: 'by', dtype: 'float32', shape: [1], bytes: new Uint8Array(Float32Array.of(by).buffer) },
    ],
  };
}

/** Of a stage, as much as decides its engine. */
const stage = (change: Partial<Instance>): Instance => ({ tensors: true, ...change }) as Instance;
const planned = (change: Partial<Plan>): Plan =>
  ({ root, engine: { name: 'onnx' }, ...change }) as unknown as Plan;

describe.skipIf(!installed)('threads and providers of the engine onnx', () => {
  test('are those that the stage states, as far as the machine has them; else one a core', () => {
    const cores = availableParallelism();
    const engines = new Engines(planned({}), undefined);
    const threads = (given?: number): unknown =>
      engines.of(stage(given === undefined ? {} : { threads: given }))!.identity.threads;
    expect(threads(1)).toBe(1);
    expect(threads(4096)).toBe(cores);
    expect(threads()).toBe(Math.min(16, cores));
    expect(engines.of(stage({ threads: 1 }))!.onnx).toEqual({ threads: 1 });
  });

  test('decide keys; on the engine wasm they do not', () => {
    const identity = (name: 'onnx' | 'wasm', threads: number) =>
      new Engines(planned({ engine: { name } }), undefined).of(stage({ threads }))!.identity;
    expect(identity('wasm', 1)).toEqual(identity('wasm', 2));
    expect(identity('onnx', 1)).toEqual({ ...identity('onnx', 2), threads: 1 });
    expect(identity('onnx', 1)).toMatchObject({
      name: 'onnx',
      provider: 'cpu',
      onnxruntime: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      processor: expect.any(String),
      instructions: expect.any(Array),
    });
  });

  test('another provider is another identity; the command line’s engine beats the file’s', () => {
    const cuda = planned({ engine: { name: 'onnx', provider: 'cuda' } });
    expect(new Engines(cuda, undefined).of(stage({}))).toMatchObject({
      identity: { provider: 'cuda', device: expect.anything() },
      onnx: { provider: 'cuda' },
    });
    expect(new Engines(cuda, 'wasm').of(stage({}))!.identity).toEqual(engineIdentity('wasm', root));
    const wasm = planned({ engine: { name: 'wasm', provider: 'cuda' } });
    expect(() => new Engines(wasm, undefined).of(stage({}))).toThrow('only onnx has providers');
  });

  test('are those of every session', () => {
    const count = new Counted();
    for (const settings of [alone, { ...alone, threads: 2, spinning: true }]) {
      const sessions = new Sessions(count.runtime, settings);
      sessions.of('one', () => adding(1));
      sessions.dispose();
    }
    expect(count.options.map(({ intraOpNumThreads }) => intraOpNumThreads)).toEqual([1, 2]);
    expect(count.options.map(({ extra }) => extra.session.intra_op.allow_spinning)).toEqual(['0', '1']);
    expect(count.options[0]!.executionProviders).toEqual(['cpu']);
    expect(count.closed).toBe(2);
  });
});

test('two graphics cards are two devices; a card’s plugs are none', () => {
  const folder = scratchFolder('drm');
  expect(graphicsCards(join(folder, 'nothing'))).toEqual([]);
  const card = (name: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(join(folder, name, 'device'), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, 'device', file), text);
  };
  card('card1', { vendor: '0x1002\n', device: '0x73bf\n', uevent: 'DRIVER=amdgpu\nPCI_ID=1002:73BF\n' });
  card('card0', { vendor: '0x8086\n', device: '0x9a49\n' });
  card('card1-HDMI-A-1', { vendor: '0x1\n' });
  card('renderD128', { vendor: '0x1002\n' });
  expect(graphicsCards(folder)).toEqual(['0x8086:0x9a49', '0x1002:0x73bf amdgpu']);
});

describe.skipIf(!installed)('compiled structures', () => {
  test.each([
    [1, 96],
    [64, 16],
  ])('with %i threads %i are kept, and the one that was used longest ago goes', (threads, kept) => {
    const count = new Counted();
    // One thread a session, whatever they are said to be: threads decide here only how many are kept.
    const Session = class extends count.runtime.Session {
      override loadModel(...[buffer, offset, length, options]: Parameters<NativeSession['loadModel']>): void {
        super.loadModel(buffer, offset, length, { ...options, intraOpNumThreads: 1 });
      }
    };
    const sessions = new Sessions({ ...count.runtime, Session }, { ...alone, threads });
    const value = (by: number): number => {
      const prepared = sessions.of(`plus ${by}`, () => adding(by));
      return sessions.run(prepared, [Float32Array.of(1)])[0]![0]!;
    };
    for (let by = 0; by < kept; by++) expect(value(by)).toBe(1 + by);
    expect([sessions.size, count.opened, count.closed]).toEqual([kept, kept, 0]);
    expect(value(0)).toBe(1);
    expect(count.opened).toBe(kept);
    value(kept);
    value(kept + 1);
    expect([sessions.size, count.opened, count.closed]).toEqual([kept, kept + 2, 2]);
    // The first was used again, the second and third were not.
    expect(value(0)).toBe(1);
    expect(count.opened).toBe(kept + 2);
    expect(value(1)).toBe(2);
    expect(count.opened).toBe(kept + 3);
    sessions.dispose();
    expect([sessions.size, count.closed]).toEqual([0, count.opened]);
  });
});

describe.skipIf(!installed)('memory of compiled structures', () => {
  /** x + by, for so many numbers: their sum is what it holds, and 4 bytes of `by`. */
  const large = (by: number, numbers: number): Program => {
    const io = { dtype: 'float32', shape: [numbers], axes: undefined } as const;
    const { nodes, constants } = adding(by);
    const ends = { inputs: [{ name: 'x', ...io }], outputs: [{ name: 'sum', ...io }] };
    return { nodes, constants, ...ends, working: 4 * numbers };
  };

  test('is bounded in bytes; the last four are kept whatever they hold', () => {
    const count = new Counted();
    const sessions = new Sessions(count.runtime, alone, 10_000);
    const add = (by: number, numbers: number): void => {
      const x = new Float32Array(numbers).fill(1);
      const prepared = sessions.of(`${by}`, () => large(by, numbers));
      expect(sessions.run(prepared, [x])[0]!.at(-1)).toBe(1 + by);
    };
    for (let by = 0; by < 9; by++) add(by, 250);
    // 9 x 1,004 bytes: all fit, and the tenth does not.
    expect([sessions.size, sessions.bytes, count.closed]).toEqual([9, 9036, 0]);
    add(9, 250);
    expect([sessions.size, sessions.bytes, count.closed]).toEqual([9, 9036, 1]);
    add(1, 250);
    // The second was used just now: of the old ones, it alone is among those four that stay.
    add(10, 10_000);
    expect([sessions.size, sessions.bytes]).toEqual([4, 3 * 1004 + 40_004]);
    expect(count.closed).toBe(count.opened - 4);
    const { opened } = count;
    add(1, 250);
    expect(count.opened).toBe(opened);
    sessions.release('1');
    expect([sessions.size, sessions.bytes]).toEqual([3, 2 * 1004 + 40_004]);
    sessions.dispose();
    expect([sessions.bytes, count.closed]).toEqual([0, count.opened]);
  });

  test('of a graph is that of what lives at once, without its inputs', () => {
    const leaf = new Value([10], 'float32', { numbers: new Float32Array(10) });
    const after = (name: string, inputs: Value[], shape = [10]): Value =>
      new Value(shape, 'float32', { operation: { name, attributes: {}, inputs } });
    // A chain: two at once. The sum of the first and the last: the first stays, so three.
    const chain = [after('Exp', [leaf])];
    for (let i = 0; i < 5; i++) chain.push(after('Exp', [chain.at(-1)!]));
    expect(workingBytes(graphOf([chain.at(-1)!]))).toBe(2 * 40);
    expect(workingBytes(graphOf([after('Add', [chain[0]!, chain.at(-1)!])]))).toBe(3 * 40);
    // An output stays, too.
    expect(workingBytes(graphOf([chain[2]!, chain.at(-1)!]))).toBe(3 * 40);
    expect(workingBytes(graphOf([leaf]))).toBe(0);
  });
});

describe.skipIf(!installed)('what is recorded', () => {
  const count = installed ? new Counted() : undefined!;
  let backend: RecordingBackend;
  beforeAll(async () => {
    backend = await startWith(count.runtime, alone, 50);
  });
  afterAll(() => {
    expect([tf.memory().numTensors, backend.numDataIds()]).toEqual([0, 0]);
    backend.dispose();
    expect(count.closed).toBe(count.opened);
  });

  test('is computed when it is read, once, and the same structure is compiled once', async () => {
    const before = { ...count };
    for (const seed of ['a', 'b', 'c']) {
      const x = drawn([3, 4], seed);
      const y = tf.tidy(() => tf.relu(tf.add(tf.mul(x, 2), 1)));
      expect(count.runs).toBe(before.runs);
      const [values, given] = [await y.data(), await x.data()];
      expect([...values]).toEqual([...given].map((v) => Math.max(0, Math.fround(Math.fround(v * 2) + 1))));
      await y.data();
      expect(count.runs).toBe(before.runs + 1);
      before.runs++;
      tf.dispose([x, y]);
    }
    expect(count.opened).toBe(before.opened + 1);
  });

  test('is computed unread once it is long, in parts whose values are those of the whole', async () => {
    const before = count.runs;
    const x = drawn([5], 'long');
    let y = x.clone();
    for (let i = 0; i < 120; i++) {
      const next = tf.add(y, 1);
      y.dispose();
      y = next;
    }
    expect(count.runs).toBe(before + 2);
    const given = await x.data();
    const expected = given.map((v) => {
      let sum = v;
      for (let i = 0; i < 120; i++) sum = Math.fround(sum + 1);
      return sum;
    });
    expect([...(await y.data())]).toEqual([...expected]);
    expect(count.runs).toBe(before + 3);
    tf.dispose([x, y]);
  });

  test('for a function that is compiled is not computed on the way, however long it is', async () => {
    const before = { ...count };
    const x = drawn([5], 'fixed');
    const f = (v: tf.Tensor): tf.Tensor[] => {
      let [y, z] = [x.clone(), v];
      for (let i = 0; i < 120; i++) [y, z] = [tf.add(y, 1), tf.mul(z, y)];
      return [z];
    };
    const program = compile((v) => f(v!));
    const v = drawn([5], 'v');
    const [once] = program.call(v);
    // What v does not decide, and the rest.
    expect([count.runs - before.runs, count.opened - before.opened]).toEqual([2, 2]);
    const expected = tf.tidy(() => f(v)[0]!);
    expect([...(await once!.data())]).toEqual([...(await expected.data())]);
    program.dispose();
    tf.dispose([x, v, once!, expected]);
  });

  test('and disposed of unread is never computed', async () => {
    const before = { ...count };
    const x = drawn([5], 'unread');
    tf.tidy(() => void tf.exp(tf.square(x)));
    const [dead, live] = [tf.exp(x), tf.neg(x)];
    dead.dispose();
    await live.data();
    expect(count.runs).toBe(before.runs + 1);
    tf.dispose([x, live]);
  });

  test('embedded programs are bounded with the others, and made again where they had to go', async () => {
    const few = new Counted();
    const sessions = new Sessions(few.runtime, alone, 0);
    const other = new RecordingBackend(sessions);
    const weights = new Value([3], 'float32', { numbers: Float32Array.of(1, 2, 3) });
    // No byte is allowed: the last four programs are kept.
    const programs = [1, 2, 3, 4, 5].map((k) => {
      const recorder = {
        recorded: (t: tf.Tensor) => known.get(t)!,
        computed: (t: tf.Tensor) => known.get(t)!,
        wrapped: (value: Value) => {
          const tensor = {} as tf.Tensor;
          known.set(tensor, value);
          return tensor;
        },
        held: <T>(record: () => T): T => record(),
      };
      const known = new Map<tf.Tensor, Value>();
      const f = ([x]: readonly tf.Tensor[]): tf.Tensor[] => {
        const scaled = other.record('Multiply', [known.get(x!)!, weights], [3], 'float32');
        return [recorder.wrapped(other.record('Add', [scaled, scaled], [3], 'float32', { k }))];
      };
      return new CompiledFunction(recorder, sessions, (...x) => f(x), { embed: true });
    });
    const values = async (program: CompiledFunction): Promise<number[]> => {
      const result = new Float32Array(3);
      await program.compute([{ values: Float32Array.of(1, 1, 10), shape: [3] }], [result]);
      return [...result];
    };
    for (const program of programs) expect(await values(program)).toEqual([2, 4, 60]);
    expect([sessions.size, few.opened, few.closed]).toEqual([4, 5, 1]);
    expect(await values(programs[0]!)).toEqual([2, 4, 60]);
    expect([sessions.size, few.opened, few.closed]).toEqual([4, 6, 2]);
    for (const program of programs) program.dispose();
    expect([sessions.size, sessions.bytes, few.closed]).toEqual([0, 0, 6]);
  });

  test('leaves no tensor, no number and no program behind', async () => {
    const tensors = tf.memory().numTensors;
    const bytes = tf.memory().numBytes;
    const [opened, closed] = [count.opened, count.closed];
    const weights = drawn([6, 4], 'w');
    const program = compile((x) => [tf.matMul(x!, weights), tf.sum(x!)], { embed: true });
    for (const rows of [2, 3, 2]) {
      const x = drawn([rows, 6], `rows ${rows}`);
      const results = program.call(x);
      expect(tf.memory().numTensors).toBe(tensors + 4);
      tf.dispose([x, ...results]);
    }
    expect(count.opened - opened).toBeGreaterThanOrEqual(2);
    program.dispose();
    expect(count.closed - closed).toBe(2);
    weights.dispose();
    expect([tf.memory().numTensors, tf.memory().numBytes]).toEqual([tensors, bytes]);
    expect(backend.numDataIds()).toBe(0);
  });

  test('results share no memory with inputs, with each other, or with what is wanted besides', async () => {
    const x = drawn([2, 3], 'x');
    const given = [...(await x.data())];
    // The input itself, renamed; the same product twice and turned; a step on the way to another result.
    const product = tf.mul(x, 3);
    const all = [tf.reshape(x, [6]), tf.transpose(x), product, tf.mul(x, 3), tf.transpose(product)];
    const sum = tf.add(product, 1);
    const turned = ([a, b, c, d, e, f]: number[]): unknown[] => [a, d, b, e, c, f];
    const tripled = given.map((v) => Math.fround(v * 3));
    const expected = [given, turned(given), tripled, tripled, turned(tripled)];
    const read = [];
    for (const tensor of all) read.push(await tensor.data());
    expect(read.map((values) => [...values])).toEqual(expected);
    for (const values of read) values.fill(7);
    for (const [i, tensor] of all.entries()) expect([...(await tensor.data())]).toEqual(expected[i]);
    expect([...(await sum.data())]).toEqual(tripled.map((v) => Math.fround(v + 1)));
    expect([...(await x.data())]).toEqual(given);
    tf.dispose([x, ...all, sum]);
  });
});
