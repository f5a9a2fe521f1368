/**
 * What `engine: auto` picks: the fastest engine that loads here. A native package whose files are all there may still not
 * load (another libc, an older system, half an installation), so it is tried, once, in a process of its own, since a
 * native library may crash. The answer is remembered for as long as the files it came from are the same.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EngineSpec } from '../kind/stage-kind.ts';
import { digestOf } from '../util/digest.ts';
import { identityOf } from '../util/file-identity.ts';
import { makeFolder, renameFile, temporaryBeside, writeScratch } from '../util/fs-durable.ts';
import { type FoundPackage, platform } from './packages.ts';

/** An engine that `auto` would rather have than those after it. */
export interface Candidate {
  readonly name: EngineSpec['name'];
  readonly found: FoundPackage;
  /** The compiled parts whose loading decides. */
  readonly binding: string;
  /** JavaScript that throws where the engine is not to be picked; `folder` is the package's. */
  readonly trial: string;
}

export interface Picked {
  readonly name: EngineSpec['name'];
  /** In words. */
  readonly why: string;
  /** Installed engines that would have come first, and why they did not. */
  readonly passedOver: readonly { readonly name: EngineSpec['name']; readonly reason: string }[];
}

/** Loads the library and lets it set itself up, as `loadRuntime` does. */
export const onnxTrial = `require(folder + '/dist/binding.js').initOrt();`;

/** The package falls back to the processor without a word where it finds no card: then it is no faster than others. */
export const gpuTrial = `
const tf = require(folder);
await tf.ready();
if (!tf.backend().isUsingGpuDevice) throw new Error('no NVIDIA GPU answers');`;

const timeoutMs = 60_000;

/**
 * @param candidates in the order in which they are wanted; `wasm` comes after all of them.
 * @param records folder where answers are remembered; without one every call tries.
 * @param again tries whatever is remembered, and remembers that.
 */
export function pickEngine(
  candidates: readonly Candidate[],
  records: string | undefined,
  again = false,
): Picked {
  const passedOver: { name: EngineSpec['name']; reason: string }[] = [];
  for (const candidate of candidates) {
    const { name, found } = candidate;
    const reason = refusal(candidate, records, again);
    const title = `${found.name} ${found.version}`;
    if (reason === '') return { name, why: `${title} loads`, passedOver };
    passedOver.push({ name, reason: `${title}: ${reason}` });
  }
  return {
    name: 'wasm',
    why: passedOver.length === 0 ? 'no native engine is installed' : 'no native engine loads',
    passedOver,
  };
}

/** Why an engine is not to be picked; nothing where it is. */
function refusal(candidate: Candidate, records: string | undefined, again: boolean): string {
  const record = records && join(records, `${identity(candidate).slice(0, 32)}.json`);
  if (record && !again)
    try {
      const { refused } = JSON.parse(readFileSync(record, 'utf8')) as { refused?: unknown };
      if (typeof refused === 'string') return refused;
    } catch {
      // Not tried yet, or a damaged record.
    }
  const { refused, certain } = tried(candidate);
  if (record && certain)
    try {
      makeFolder(dirname(record));
      const temporary = temporaryBeside(record);
      writeScratch(temporary, JSON.stringify({ package: candidate.found, refused }));
      renameFile(temporary, record);
    } catch {
      // A cache that cannot be written: the next run tries again.
    }
  return refused;
}

/** `certain`: the same would be found again. */
function tried({ found, trial }: Candidate): { refused: string; certain: boolean } {
  const program = `(async (folder) => {${trial}})(process.argv[1]).then(
    () => process.exit(0),
    (error) => { require('fs').writeSync(1, '\\n' + String((error && error.message) || error).split('\\n')[0]); process.exit(1); },
  );`;
  const child = spawnSync(process.execPath, ['-e', program, found.folder], {
    encoding: 'utf8',
    timeout: timeoutMs,
  });
  if (child.status === 0) return { refused: '', certain: true };
  if (child.status !== null) {
    // Libraries may print before: what is said last is ours.
    const said = child.stdout.trim().split('\n').at(-1)?.slice(0, 300);
    return { refused: said || `loading it ends with exit code ${child.status}`, certain: true };
  }
  // A library for other processors ends in SIGILL or SIGSEGV; SIGKILL and a time-out say nothing of it.
  const certain = ['SIGILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS'].includes(child.signal ?? '');
  return { refused: `loading it ends with ${child.signal ?? child.error?.message ?? 'no answer'}`, certain };
}

/** What decides whether a library loads: its files, the system's libraries, Node, and the cards that are there. */
function identity({ found, binding, trial }: Candidate): string {
  const folder = dirname(binding);
  const parts = [
    trial,
    found,
    platform(),
    process.version,
    process.env.LD_LIBRARY_PATH ?? null,
    stateOf(join(found.folder, 'package.json')),
    listed(folder).map((name) => [name, stateOf(join(folder, name))]),
    stateOf(join(found.folder, 'dist', 'binding.js')),
    // The libc comes with the system's release.
    stateOf(process.execPath),
    process.platform === 'linux' ? [textOf('/etc/os-release'), textOf('/etc/debian_version')] : null,
    textOf('/proc/driver/nvidia/version'),
    listed('/proc/driver/nvidia/gpus'),
    process.env.CUDA_VISIBLE_DEVICES ?? null,
  ];
  return digestOf(JSON.stringify(parts));
}

function stateOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats ? identityOf(stats) : null;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
