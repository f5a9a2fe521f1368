/** The package onnxruntime-node: where it is, what of it and of this machine decides bits, and how it is started. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { OnnxProvider, OnnxSettings } from '../kind/stage-kind.ts';
import type { JsonObject } from '../util/json.ts';
import { packageRoot } from '../util/package-root.ts';
import { type FoundPackage, findPackage, platform } from './packages.ts';
import { startFailed } from './start-failed.ts';
import type { tf } from './tensorflow.ts';
import { threadsFor } from './threads.ts';

const onnxPackage = 'onnxruntime-node';
/** Its install script would fetch libraries for NVIDIA's cards from another host, and fail where there is none. */
const onnxCommand = 'npm install --ignore-scripts onnxruntime-node@1.30.0';

/** onnxruntime-node: the workspace's own (which may be built for a GPU) first, then ours. */
export function findOnnx(root: string): FoundPackage | undefined {
  return findPackage(onnxPackage, root) ?? findPackage(onnxPackage, packageRoot());
}

/** The package's library for this platform, where it has one. */
export function onnxLibrary({ folder }: FoundPackage): string | undefined {
  const bin = join(folder, 'bin');
  if (!existsSync(bin)) return undefined;
  return readdirSync(bin)
    .map((api) => join(bin, api, process.platform, process.arch, 'onnxruntime_binding.node'))
    .find((built) => existsSync(built));
}

export function describeOnnx(onnx: FoundPackage | undefined): string {
  if (!onnx) return `not installed: ${onnxCommand}`;
  const name = `${onnx.name} ${onnx.version}`;
  return onnxLibrary(onnx) ? name : `${name} has no library for ${platform()}`;
}

function foundOnnx(root: string): FoundPackage {
  const found = findOnnx(root);
  if (found) return found;
  throw new UserError({
    severity: 'error',
    code: 'engine-not-installed',
    message: 'the engine "onnx" is asked for, but onnxruntime-node is not installed',
    hint: `install it in your workspace: ${onnxCommand}, or use engine: wasm`,
  });
}

/**
 * @param settings `threads`: what the stage holds of this machine's cores. Where it does not say, all of them (16 at
 * most): whatever runs beside it, since the number decides bits.
 */
function complete({ provider = 'cpu', threads }: OnnxSettings): Required<OnnxSettings> {
  return { provider, threads: threadsFor(threads) };
}

/** Which instructions the kernels use depends on the processor; how a product is cut into pieces, on the threads. */
export function onnxIdentity(root: string, settings: OnnxSettings): JsonObject {
  const { provider, threads } = complete(settings);
  return {
    onnxruntime: foundOnnx(root).version,
    provider,
    threads,
    platform: platform(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    instructions: instructions(),
    ...(provider === 'cpu' ? {} : { device: device() }),
  };
}

/** Sets of instructions for which onnxruntime has float32 kernels of their own. */
const chosenBy = ['avx', 'avx2', 'fma', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'sve', 'sve2', 'sme'];

/** Those that the processor has, where the system tells: virtual machines call different processors the same. */
function instructions(): string[] {
  if (process.platform !== 'linux') return [];
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/));
  return chosenBy.filter((name) => flags.has(name));
}

/** What is known of the graphics cards and their drivers. Which of several a provider takes, the system does not tell. */
function device(): JsonObject {
  const child = spawnSync('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  const { VK_ICD_FILENAMES: files, VK_DRIVER_FILES: newer } = process.env;
  return {
    nvidia: child.status === 0 ? child.stdout.trim() : null,
    vulkan: newer ?? files ?? null,
    cards: graphicsCards(),
  };
}

/**
 * Each card of a Linux system as `0x1002:0x73bf amdgpu`: vendor, device and the kernel's driver, in the order of the
 * names; on others none.
 * @param folder where the kernel lists them; for tests.
 */
export function graphicsCards(folder = '/sys/class/drm'): string[] {
  const read = (...path: string[]): string => {
    try {
      return readFileSync(join(folder, ...path), 'utf8').trim();
    } catch {
      return '';
    }
  };
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^card\d+$/.test(name)) : [];
  return names.sort().map((name) => {
    const driver = /^DRIVER=(.*)$/m.exec(read(name, 'device', 'uevent'))?.[1] ?? '';
    return `${read(name, 'device', 'vendor')}:${read(name, 'device', 'device')} ${driver}`.trim();
  });
}

const cures: Readonly<Record<OnnxProvider, string>> = {
  cpu: 'its native library does not load: use engine: wasm',
  webgpu: 'WebGPU needs a graphics driver (Vulkan, Metal or Direct3D 12): use provider: cpu',
  cuda: 'CUDA needs an NVIDIA card, CUDA 12 with cuDNN 9, and onnxruntime-node installed with its scripts: use provider: cpu',
};

/** @param cores that the stage holds: all of them, or others may want them too. */
export async function startOnnxruntime(
  root: string,
  given: OnnxSettings = {},
  cores = 1,
): Promise<typeof tf> {
  const onnx = foundOnnx(root);
  const settings = complete(given);
  try {
    const { startOnnx } = await import('./onnx/start.ts');
    // Threads that wait without sleeping are fast where the stage has the cores for itself, and take them from others
    // where it has not.
    return await startOnnx(onnx.folder, { ...settings, spinning: cores >= availableParallelism() });
  } catch (cause) {
    const what = settings.provider === 'cpu' ? 'onnx' : `onnx (${settings.provider})`;
    throw startFailed(
      what,
      cause,
      `${onnx.name} ${onnx.version} is installed, but ${cures[settings.provider]}`,
    );
  }
}
