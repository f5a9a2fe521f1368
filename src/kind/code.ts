import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';
import { type Digest, digestOf } from '../util/digest.ts';
import type { CodeIdentity } from './registry.ts';

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
  /** `package.json` of each package that counts by version: absolute path to version. */
  readonly manifests: Readonly<Record<string, string>>;
}

export interface CodeOptions {
  /** Paths in digests are relative to this folder, so that they mean the same on every machine. */
  readonly root: string;
  /** The module that a user's kind gets for `orograph`. */
  readonly self?: string;
}

/**
 * The names of a module's exports, and the absolute paths of every source file that was read: also of those of which
 * nothing is left in the bundle, because an edit may give them something. Syntax errors are thrown as esbuild's
 * `BuildFailure`.
 */
export async function surveyCode(
  file: string,
  options: CodeOptions,
): Promise<{ readonly exports: readonly string[]; readonly sources: readonly string[] }> {
  const { metafile } = await bundle({ entryPoints: [file] }, options, []);
  return {
    exports: Object.values(metafile.outputs).flatMap((output) => output.exports),
    sources: Object.keys(metafile.inputs).map((name) => join(options.root, name)),
  };
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
  for (const name of [...used].filter((name) => name !== '<stdin>').sort())
    files[name.split(sep).join('/')] = await digestOfSource(join(options.root, name));
  const versions = Object.fromEntries(packages.map((p) => [p.name, p.version]).sort());
  const digest = digestOf(JSON.stringify([text, versions]));
  return {
    identity: { digest, files, packages: versions },
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
      externals(options, (name, path, found) => {
        // Node 20 cannot import TypeScript.
        if (!found && /\.[cm]?tsx?$/.test(path)) return { path, external: false };
        return { path: pathToFileURL(name === 'orograph' ? options.self : path).href, external: true };
      }),
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
      externals(options, (name, path, found) => {
        if (!found && /\.([cm]?[jt]sx?|json)$/.test(path)) return { path, external: false };
        if (found && !packages.some((p) => p.name === found.name)) packages.push(found);
        return { path: name, external: true };
      }),
    ],
  });
  return { text: result.outputFiles![0]!.text, metafile: result.metafile! };
}

/**
 * Hands every import of a package (not of a relative file, not of Node) to `decide`, with what counts for it: its name
 * and version, or null where its text has to.
 */
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
        const found = await packageOf(args.path, resolved.path);
        // An alias, a package that is linked here to be worked on: no version stands for what is in it.
        const fixed = /[\\/]node_modules[\\/]/.test(resolved.path);
        return decide(args.path, resolved.path, fixed ? found : null);
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
