/**
 * Networks that files decide: TensorFlow.js layers models and TypeScript modules of the user's. The doors for everything
 * that takes a `network:` or a checkpoint.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { BuildFailure } from 'esbuild';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { FileDependency } from '../kind/stage-kind.ts';
import { buildNetwork, isBuiltIn, type NetworkChoice, resolveNetwork } from './architectures.ts';
import type { Network, NetworkSpec } from './network.ts';

/** The examples that a network is for. */
export interface Ends {
  readonly inputs: number;
  readonly classes: number;
}

/**
 * The network that a pipeline asks for.
 * @param root workspace root: files are looked up from there.
 * @throws UserError where a file is missing or is no network for such examples.
 */
export async function openNetwork(
  choice: NetworkChoice,
  { inputs, classes }: Ends,
  root: string,
): Promise<Network> {
  if (isBuiltIn(choice)) return buildNetwork(resolveNetwork(choice, inputs, classes));
  if (choice.name === 'module') {
    const { builtByModule, moduleSpec } = await import('./user-module.ts');
    const ends = { inputs, classes };
    return builtByModule(await moduleSpec(choice.file, choice.settings ?? {}, ends, root), root);
  }
  const { readLayersModel } = await import('./tensorflow/model.ts');
  const classifier = choice.classifier ?? 'own';
  const path = join(root, choice.file);
  return buildNetwork(readLayersModel(path, choice.file, { inputs, classes, classifier }).spec);
}

/**
 * The network of a checkpoint.
 * @throws UserError where its code is not in the workspace any more, or is not what it was.
 */
export async function networkOf(spec: NetworkSpec, root: string): Promise<Network> {
  if (spec.name !== 'module') return buildNetwork(spec);
  return (await import('./user-module.ts')).builtByModule(spec, root);
}

/**
 * The files that decide a network's architecture, for stage keys.
 * @throws UserError where one is missing.
 */
export function networkFiles(choice: NetworkChoice, root: string): FileDependency[] {
  if (isBuiltIn(choice)) return [];
  const path = join(root, choice.file);
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UserError({
      severity: 'error',
      code: 'file-not-found',
      message: `there is no file "${choice.file}" in the workspace, which the network should be read from`,
    });
  const files = choice.name === 'module' ? sourcesOf(choice.file, root) : [choice.file];
  return files.map((name) => ({ name: `network/${name}`, path: join(root, name) }));
}

/**
 * Refuses, as `openNetwork` would, what an architecture's name and settings alone keep from such examples.
 * @throws UserError
 */
export function refuseMisfit(choice: NetworkChoice, inputs: number): void {
  if (isBuiltIn(choice)) resolveNetwork(choice, inputs, 2);
}

/** The files that hold the weights of a layers model, for keys of stages that read them. @throws UserError */
export function weightFiles(choice: NetworkChoice, root: string): FileDependency[] {
  if (typeof choice === 'string' || choice.name !== 'layers') return [];
  const folder = dirname(choice.file);
  const { weightsManifest = [] } = JSON.parse(readFileSync(join(root, choice.file), 'utf8')) as {
    weightsManifest?: readonly { readonly paths: readonly string[] }[];
  };
  return weightsManifest
    .flatMap(({ paths }) => paths.map((path) => join(folder, path)))
    .map((name) => ({ name: `network/${name}`, path: join(root, name) }));
}

/** A module and what it imports of the workspace. @throws UserError where one of them is not even TypeScript. */
function sourcesOf(file: string, root: string): string[] {
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  try {
    const { metafile } = buildSync({
      absWorkingDir: root,
      entryPoints: [file],
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      write: false,
      metafile: true,
      logLevel: 'silent',
      outfile: 'network.js',
    });
    return Object.keys(metafile.inputs).sort();
  } catch (cause) {
    throw doesNotCompile(file, cause as BuildFailure, root);
  }
}

/** With the place of esbuild's first error, as the user would type it. */
function doesNotCompile(file: string, { errors: [first], message }: BuildFailure, root: string): UserError {
  const at = first?.location;
  return new UserError({
    severity: 'error',
    code: 'bad-network',
    message: `${file} does not compile: ${first?.text ?? message}`,
    ...(at && {
      at: {
        file: relative(process.cwd(), join(root, at.file)),
        line: at.line,
        column: at.column + 1,
        length: Math.max(1, at.length),
      },
    }),
  });
}
