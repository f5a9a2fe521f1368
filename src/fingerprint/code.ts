import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import type { CodeIdentity } from '../kind/registry.ts';
import { type Digest, digestOf } from '../util/digest.ts';

/**
 * The identity of a stage kind's code.
 *
 * Knows: how to bundle a TypeScript file and what of the bundle decides results. The digest is taken over the bundle
 * without comments and white space, so that a cosmetic edit changes nothing; packages count by name and exact
 * version, not by their text. Only what the chosen export reaches is in the bundle (tree shaking): the named export
 * `facts` and what only it uses is not part of a key.
 */
export interface BundledCode {
  readonly identity: CodeIdentity;
  /** Absolute paths of every source file that went in. */
  readonly inputs: readonly string[];
  /** `package.json` of each package that counts by version: absolute path to version. */
  readonly manifests: Readonly<Record<string, string>>;
}

export interface CodeOptions {
  /** Paths in digests are relative to this folder, so that they mean the same on every machine. */
  readonly root: string;
  /** The module that a user's kind gets for `orograph`. */
  readonly self?: string;
}

/** Names of a module's exports; syntax errors are thrown as esbuild's `BuildFailure`. */
export async function exportsOf(file: string, options: CodeOptions): Promise<readonly string[]> {
  const { metafile } = await bundle({ entryPoints: [file] }, options, []);
  return Object.values(metafile.outputs).flatMap((output) => output.exports);
}

/** Bundles what one export of a file reaches and identifies it. */
export async function identifyCode(
  file: string,
  exported: string,
  options: CodeOptions,
): Promise<BundledCode> {
  const packages: FoundPackage[] = [];
  const entry = `export { ${exported} } from ${JSON.stringify(file)};`;
  const { text, metafile } = await bundle(
    { stdin: { contents: entry, resolveDir: dirname(file), loader: 'ts' } },
    options,
    packages,
  );
  const used = new Set(Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs)));
  const files: Record<string, string> = {};
  const inputs: string[] = [];
  for (const name of [...used].filter((name) => name !== '<stdin>').sort()) {
    const path = join(options.root, name);
    inputs.push(path);
    files[name.split(sep).join('/')] = await digestOfSource(path);
  }
  const versions = Object.fromEntries(packages.map((p) => [p.name, p.version]).sort());
  const digest = digestOf(JSON.stringify([text, versions]));
  return {
    identity: { digest, files, packages: versions },
    inputs,
    manifests: Object.fromEntries(packages.map((p) => [p.manifest, p.version])),
  };
}

/**
 * The text of a module that a worker can import: TypeScript compiled, own files bundled, packages and orograph itself
 * imported by absolute address, because the module does not lie beside its source.
 * @param outfile where it will lie, for its source map.
 */
export async function compileKind(
  file: string,
  outfile: string,
  options: CodeOptions & { self: string },
): Promise<string> {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    ...common(options.root),
    entryPoints: [file],
    outfile,
    write: false,
    sourcemap: 'inline',
    plugins: [
      externals(options, (name, found) => ({
        path: name === 'orograph' ? pathToFileURL(options.self).href : pathToFileURL(found).href,
        external: true,
      })),
    ],
  });
  return result.outputFiles[0]!.text;
}

interface FoundPackage {
  readonly name: string;
  readonly version: string;
  readonly manifest: string;
}

function common(root: string) {
  return {
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    logLevel: 'silent',
    treeShaking: true,
  } as const satisfies BuildOptions;
}

async function bundle(
  entry: BuildOptions,
  options: CodeOptions,
  packages: FoundPackage[],
): Promise<{ text: string; metafile: Metafile }> {
  const esbuild = await import('esbuild');
  const result = await esbuild.build({
    ...common(options.root),
    ...entry,
    minifyWhitespace: true,
    legalComments: 'none',
    ignoreAnnotations: false,
    write: false,
    metafile: true,
    outfile: 'kind.js',
    plugins: [
      externals(options, (name, _found, found) => {
        if (found && !packages.some((p) => p.name === found.name)) packages.push(found);
        return { path: name, external: true };
      }),
    ],
  });
  return { text: result.outputFiles![0]!.text, metafile: result.metafile! };
}

/** Hands every import of a package (not of a relative file, not of Node) to `decide`. */
function externals(
  options: CodeOptions,
  decide: (
    specifier: string,
    path: string,
    found: FoundPackage | null,
  ) => { path: string; external: boolean },
): Plugin {
  return {
    name: 'packages',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === 'resolving' || args.kind === 'entry-point') return null;
        if (isBuiltin(args.path)) return { path: args.path, external: true };
        if (args.path === 'orograph' && options.self) {
          // By major and minor version: a patch release promises the same results.
          const own = await packageOf('orograph', options.self);
          return decide(
            'orograph',
            options.self,
            own && { ...own, version: own.version.replace(/\.\d+(?=-|$)/, '') },
          );
        }
        const resolved = await build.resolve(args.path, {
          kind: args.kind,
          resolveDir: args.resolveDir,
          importer: args.importer,
          pluginData: 'resolving',
        });
        if (resolved.errors.length > 0) return { errors: resolved.errors };
        return decide(args.path, resolved.path, await packageOf(args.path, resolved.path));
      });
    },
  };
}

async function packageOf(specifier: string, resolved: string): Promise<FoundPackage | null> {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  for (let folder = dirname(resolved); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    try {
      const found = JSON.parse(await readFile(manifest, 'utf8')) as { name?: string; version?: string };
      if (found.name === name && found.version) return { name, version: found.version, manifest };
    } catch {
      // No package.json here, or one that only sets "type": look further up.
    }
  }
  return null;
}

/** Digest of one source file, blind to comments and white space. */
async function digestOfSource(path: string): Promise<Digest> {
  const text = await readFile(path, 'utf8');
  const loader = /\.[cm]?tsx?$/.test(path) ? 'ts' : /\.[cm]?jsx?$/.test(path) ? 'js' : null;
  if (!loader) return digestOf(text);
  const esbuild = await import('esbuild');
  const { code } = await esbuild.transform(text, { loader, minifyWhitespace: true, legalComments: 'none' });
  return digestOf(code);
}
