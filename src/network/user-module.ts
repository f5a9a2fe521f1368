import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../diagnostics/diagnostic.ts';
import { ownFrames } from '../diagnostics/own-frames.ts';
import type { tf } from '../engine/tensorflow.ts';
import { compileKind, identifyCode } from '../kind/code.ts';
import type { JsonObject } from '../util/json.ts';
import { packageRoot } from '../util/package-root.ts';
import { initialTensor } from './initialise.ts';
import { ofLayers, resized, squareSide } from './layers/images.ts';
import type { Layer } from './layers/layer.ts';
import type { BatchNormMode, ModuleSpec, Network, ParameterForm } from './network.ts';
import { sizeOf } from './tensors.ts';

/** What a builder is told of the examples. */
export interface NetworkRequest {
  /** Features of an example: of images the red plane row by row, then the green one, then the blue one. */
  readonly inputs: number;
  /** Side of square colour images, undefined where the examples are none. */
  readonly side: number | undefined;
  readonly classes: number;
  /** As the pipeline gives them. */
  readonly settings: JsonObject;
}

/** A parameter of a network of one's own. */
export interface OwnParameter extends ParameterForm {
  /**
   * How it starts: `ones`, `zeros`, or a number of inputs (fan-in) for the initialisation that the stage names. Default:
   * ones for `…/scale`, zeros for `…/offset`, else the product of all extents but the last.
   */
  readonly start?: 'ones' | 'zeros' | number;
}

/** What a builder gives: a list of layers, or parameters and a function of them. */
export type BuiltNetwork =
  | {
      readonly title?: string;
      readonly layers: readonly Layer[];
      /** [height, width, channels] or [features] that the layers take; images are resized. Default: the examples'. */
      readonly input?: readonly number[];
    }
  | {
      readonly title?: string;
      /** In order: the order decides what a direction means. */
      readonly parameters: readonly OwnParameter[];
      /** Running statistics of batch norm: mean and variance of one layer after the other. */
      readonly state?: readonly ParameterForm[];
      /** Logits [n, classes] of inputs [n, inputs], by operations of TensorFlow.js only. */
      forward(
        tensorflow: typeof tf,
        parameters: readonly tf.Tensor[],
        inputs: tf.Tensor,
        norm?: BatchNormMode,
      ): tf.Tensor2D;
    };

/** The default export of a module: builds a network for examples. */
export type NetworkBuilder = (request: NetworkRequest) => BuiltNetwork;

/** Declares a network of one's own; it only gives TypeScript the types. */
export function defineNetwork(build: NetworkBuilder): NetworkBuilder {
  return build;
}

const codeOptions = (root: string) => ({ root, self: join(packageRoot(), 'dist', 'index.js') });

/** A module's spec: with the digest of its code as it is now. @throws UserError where it does not compile. */
export async function moduleSpec(
  file: string,
  settings: JsonObject,
  ends: { readonly inputs: number; readonly classes: number },
  root: string,
): Promise<ModuleSpec> {
  const code = await identified(file, root);
  const title = (await built({ file, settings, ...ends }, root)).title ?? basename(file, extname(file));
  return { name: 'module', title, file, code, settings, ...ends };
}

async function identified(file: string, root: string): Promise<string> {
  try {
    return (await identifyCode(join(root, file), 'default', codeOptions(root))).identity.digest;
  } catch (cause) {
    throw bad(file, `does not compile: ${buildError(cause)}`);
  }
}

/** esbuild's first error with its place. */
function buildError(cause: unknown): string {
  const [first] =
    (cause as { errors?: { text: string; location: { line: number; column: number } | null }[] }).errors ??
    [];
  if (!first) return (cause as Error).message;
  const { text, location } = first;
  return location ? `line ${location.line}, column ${location.column + 1}: ${text}` : text;
}

const bad = (file: string, message: string): UserError =>
  new UserError({
    severity: 'error',
    code: 'bad-network',
    message: `${file} ${message}`,
    hint: 'export default defineNetwork(({ inputs, classes }) => ({ parameters, forward })) or (…) => ({ layers })',
  });

/**
 * The network of a spec.
 * @throws UserError where the module's code is not the one that the spec was made with.
 */
export async function builtByModule(spec: ModuleSpec, root: string): Promise<Network> {
  const { file, inputs, classes } = spec;
  if ((await identified(file, root)) !== spec.code)
    throw new UserError({
      severity: 'error',
      code: 'network-changed',
      message: `the code of the network ${file} is not the one that the checkpoint was made with`,
      hint: 'run again the stage that made the checkpoint, or put the old code back',
    });
  const network = await built(spec, root);
  if ('layers' in network) {
    const side = squareSide(inputs);
    const own = network.input ?? (side === undefined ? [inputs] : [side, side, 3]);
    if (own.length !== 3) return ofLayers(spec, network.layers, own);
    if (side === undefined) throw bad(file, `takes images, but the examples are ${inputs} features`);
    const images = [side, side, 3];
    return ofLayers(spec, resized(network.layers, images, own), images);
  }
  const { parameters, state = [], forward } = network;
  checkForms(file, [...parameters, ...state]);
  if (state.length % 2 !== 0) throw bad(file, 'gives a mean without a variance in its state');
  return {
    spec,
    parameters: parameters.map(({ name, shape }) => ({ name, shape })),
    state,
    forward(tf, tensors, given, norm) {
      let logits: tf.Tensor2D;
      try {
        logits = forward(tf, tensors, given, norm);
      } catch (cause) {
        throw thrown(cause, file, root);
      }
      if (logits?.shape?.length !== 2 || logits.shape[1] !== classes)
        throw bad(file, `gives [${logits?.shape}]; logits [examples, ${classes}] are needed`);
      return logits;
    },
    initialise: (init, seed) =>
      parameters.map(({ name, shape, start = usualStart(name, shape) }) => {
        if (typeof start === 'number') return initialTensor(init, seed, { name, shape }, start);
        return { name, shape, values: new Float32Array(sizeOf(shape)).fill(start === 'ones' ? 1 : 0) };
      }),
  };
}

/** What `forward` throws is told with its line; what orograph refused on the way is told already. */
function thrown(cause: unknown, file: string, root: string): UserError {
  if (cause instanceof UserError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = ownFrames(cause, root)[0]?.place ?? file;
  return new UserError({ severity: 'error', code: 'bad-network', message: `${place}: ${message}` });
}

function usualStart(name: string, shape: readonly number[]): 'ones' | 'zeros' | number {
  if (name.endsWith('/scale')) return 'ones';
  if (name.endsWith('/offset') || shape.length < 2) return 'zeros';
  return sizeOf(shape.slice(0, -1));
}

function checkForms(file: string, forms: readonly ParameterForm[]): void {
  const seen = new Set<string>();
  for (const { name, shape } of forms) {
    if (typeof name !== 'string' || seen.has(name))
      throw bad(file, `has two parameters "${name}", or one without a name`);
    seen.add(name);
    if (!Array.isArray(shape) || !shape.every((extent) => Number.isInteger(extent) && extent > 0))
      throw bad(file, `gives the parameter "${name}" the shape ${JSON.stringify(shape)}`);
  }
}

/** Compiles the module, imports it, and calls its builder. */
async function built(
  { file, settings, inputs, classes }: Pick<ModuleSpec, 'file' | 'settings' | 'inputs' | 'classes'>,
  root: string,
): Promise<BuiltNetwork> {
  const folder = await mkdtemp(join(tmpdir(), 'orograph-network-'));
  try {
    const module = join(folder, 'network.mjs');
    await writeFile(module, await compileKind(join(root, file), module, codeOptions(root)));
    const { default: build } = (await import(pathToFileURL(module).href)) as { default?: NetworkBuilder };
    if (typeof build !== 'function') throw bad(file, 'has no default export that builds a network');
    const network = build({ inputs, side: squareSide(inputs), classes, settings });
    if ('layers' in network ? !Array.isArray(network.layers) : !Array.isArray(network?.parameters))
      throw bad(file, 'builds neither layers nor parameters');
    if (!('layers' in network) && typeof network.forward !== 'function')
      throw bad(file, 'builds parameters without a function "forward"');
    return network;
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw bad(file, `failed while it built its network: ${buildError(cause)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
