import { Worker } from 'node:worker_threads';
import type { WasmMemory } from './webassembly.ts';

/** Kernels over one memory, as other threads make them too. */
export interface Shared {
  readonly id: number;
  readonly module: object;
  readonly memory: WasmMemory;
}

/**
 * What a thread does. It is text because a bundle has no file of its own for it. A call whose gate is closed came too
 * late: all its work is done, and its memory may hold something else by now.
 */
const program = `
const { parentPort } = require('node:worker_threads');
const known = new Map();
parentPort.on('message', ({ id, module, memory, call }) => {
  if (module) {
    const abort = () => { throw new Error('a kernel failed'); };
    known.set(id, new WebAssembly.Instance(module, { env: { memory, abort } }).exports);
  }
  if (!call) {
    if (!module) known.delete(id);
    return;
  }
  if (Atomics.add(new Int32Array(call.gate), 0, 1) < 0) return;
  let error;
  try {
    known.get(id)[call.name](...call.given);
  } catch (cause) {
    error = String(cause);
  }
  parentPort.postMessage({ number: call.number, error });
});
`;
const closed = -(2 ** 30);

interface Hand {
  readonly worker: Worker;
  /** The memories that it knows. */
  readonly knows: Set<number>;
}

interface Waiting {
  left: number;
  resolve(): void;
  reject(error: Error): void;
}

const hands: Hand[] = [];
const waiting = new Map<number, Waiting>();
let calls = 0;

/** Threads of the process beside this one; they start when they are first asked for, and keep no process alive. */
function handsOf(count: number): readonly Hand[] {
  while (hands.length < count) {
    const worker = new Worker(program, { eval: true, execArgv: [], env: {} });
    worker.unref();
    worker.on('message', ({ number, error }: { number: number; error?: string }) => {
      const call = waiting.get(number);
      if (error !== undefined) call?.reject(new Error(`a thread of the kernels failed: ${error}`));
      else if (call && --call.left === 0) call.resolve();
    });
    worker.on('error', (cause) => {
      for (const call of waiting.values()) call.reject(new Error('a thread of the kernels died', { cause }));
      hands.length = 0;
    });
    hands.push({ worker, knows: new Set() });
  }
  return hands.slice(0, count);
}

/**
 * Calls a kernel in several threads: `own` in this one, and the kernel with each list of arguments in another. They
 * share the work among themselves; a thread that has not begun when this one finds nothing left is not waited for.
 */
export async function together(
  { id, module, memory }: Shared,
  name: string,
  own: () => void,
  others: readonly (readonly number[])[],
): Promise<void> {
  const gate = new SharedArrayBuffer(4);
  const number = calls++;
  const crew = handsOf(others.length);
  for (const [i, { worker, knows }] of crew.entries()) {
    const introduction = knows.has(id) ? {} : { module, memory };
    knows.add(id);
    worker.postMessage({ id, ...introduction, call: { number, gate, name, given: others[i]! } });
  }
  try {
    own();
  } finally {
    const left = Atomics.exchange(new Int32Array(gate), 0, closed);
    if (left > 0) await finished(number, left, crew);
  }
}

async function finished(number: number, left: number, crew: readonly Hand[]): Promise<void> {
  for (const { worker } of crew) worker.ref();
  try {
    await new Promise<void>((resolve, reject) => waiting.set(number, { left, resolve, reject }));
  } finally {
    waiting.delete(number);
    for (const { worker } of crew) worker.unref();
  }
}

/** Lets other threads forget a memory. */
export function forgotten(id: number): void {
  for (const { worker, knows } of hands) if (knows.delete(id)) worker.postMessage({ id });
}
