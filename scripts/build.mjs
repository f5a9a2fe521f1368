// Builds dist/: the command line, the worker, the library and the stage kinds, bundled by esbuild, and
// dist/kinds.json, which holds the code digest of every kind that ships, so that a run need not compute them.
//
//   node scripts/build.mjs [--if-changed]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { precompiledTable } from './precompile.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Packages with native parts, data files or lazy use. All others are bundled: one file loads faster than hundreds. */
const external = [
  'better-sqlite3',
  'esbuild',
  'sharp',
  '@resvg/resvg-js',
  'dejavu-fonts-ttf',
  'h5wasm',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
];

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function stampOfSources() {
  const hash = createHash('sha256');
  const files = [
    join(root, 'package-lock.json'),
    ...['src', 'stages', 'scripts'].flatMap((d) => filesUnder(join(root, d))),
  ];
  for (const file of files.filter((file) => existsSync(file))) {
    hash.update(relative(root, file)).update(readFileSync(file));
  }
  return hash.digest('hex');
}

const stamp = stampOfSources();
const stampFile = join(dist, 'stamp');
if (
  process.argv.includes('--if-changed') &&
  existsSync(stampFile) &&
  readFileSync(stampFile, 'utf8') === stamp
) {
  process.exit(0);
}

const kinds = readdirSync(join(root, 'stages')).filter((name) =>
  existsSync(join(root, 'stages', name, 'stage.ts')),
);
/**
 * What becomes a script of the command line, with its byte code: a run where little has changed, in one file, because
 * every file more is a good millisecond; what only a pipeline that is new or was edited takes; and what only a workspace
 * with a configuration does.
 */
const scripts = ['src/cli/program.ts', 'src/plan/plan-pipeline.ts', 'src/run/config.ts'];
/** Imported when needed, and part of the script all the same. */
const inScripts = [
  'src/cli/verbs/run.ts',
  'src/cli/report.ts',
  'src/run/environment.ts',
  'src/run/attempt.ts',
  'src/schedule/schedule.ts',
  'src/store/disk-errors.ts',
];
/** fontkit unpacks brotli's dictionary as it is loaded, for WOFF2 files alone: of those we have none. */
const withoutBrotli = {
  name: 'without-brotli',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^brotli\/decompress\.js$/ }, ({ path }) => ({ path, namespace: 'without-brotli' }));
    onLoad({ filter: /.*/, namespace: 'without-brotli' }, () => ({
      contents: "export default () => { throw new Error('WOFF2 fonts are not read'); };",
    }));
  },
};

/** Checks of the schemas that ship, compiled by now. */
const withChecks = {
  name: 'with-checks',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]declare[/\\]precompiled\.ts$/ }, ({ path }) => ({
      contents: checks,
      resolveDir: dirname(path),
    }));
  },
};

const placeOf = (file) => relative('src', file).replace(/\.ts$/, '');
const fresh = `${dist}.new-${process.pid}`;
const common = {
  absWorkingDir: root,
  outdir: fresh,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  external,
  define: { 'process.env.OROGRAPH_BUILD': JSON.stringify(stamp.slice(0, 16)) },
  // Bundled CommonJS packages call require for Node's own modules; Emscripten's loader reads __dirname.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname;",
  },
  logLevel: 'warning',
  logOverride: { 'direct-eval': 'silent' },
};

/** As `dist/cli/main.js` sees it, by whom a script's imports are done. */
const specifierOf = (file) => {
  const way = relative('cli', placeOf(file)).split(sep).join('/');
  return `${way.startsWith('.') ? '' : './'}${way}.js`;
};
/** What is imported only when it is needed stays out of the scripts, and becomes an entry of its own. */
const lazy = new Set();
const lazyImports = {
  name: 'lazy',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      const file = relative(root, join(resolveDir, path)).split(sep).join('/');
      if (kind !== 'dynamic-import' || inScripts.includes(file)) return null;
      if (!scripts.includes(file)) lazy.add(file);
      return { path: specifierOf(file), external: true };
    });
  },
};

/** A script as `main.ts` takes it: one function, in a file that is named by its content. Returns the name. */
async function buildScript(entry) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [{ in: entry, out: 'script' }],
    plugins: [lazyImports, withChecks],
    write: false,
    format: 'cjs',
    // Names stay as they are, for stack traces; to keep minified ones costs a call wherever a function is made.
    minify: false,
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    define: { ...common.define, 'import.meta.url': '__url' },
    banner: { js: '(function (require, __import, __url, module) {' },
    footer: { js: '})' },
  });
  const [code, map] = ['.js', '.map'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text);
  const digest = createHash('sha256').update(code).digest('hex').slice(0, 16);
  const name = `${basename(entry, '.ts')}-${digest}`;
  // A script cannot import by itself.
  const script = code.replaceAll(/\bimport\(/g, '__import(').replace('script.js.map', `${name}.cjs.map`);
  mkdirSync(join(fresh, 'cli'), { recursive: true });
  writeFileSync(join(fresh, 'cli', `${name}.cjs`), script);
  writeFileSync(join(fresh, 'cli', `${name}.cjs.map`), map);
  return name;
}

let names;
let checks;
try {
  mkdirSync(fresh);
  checks = await precompiledTable(root, fresh, kinds);
  names = JSON.stringify(
    Object.fromEntries(
      await Promise.all(scripts.map(async (entry) => [specifierOf(entry), await buildScript(entry)])),
    ),
  );
  await build({
    ...common,
    plugins: [withoutBrotli, withChecks],
    entryPoints: [
      ...['src/cli/main.ts', 'src/execute/worker.ts', 'src/index.ts', ...lazy].map((file) => ({
        in: file,
        out: placeOf(file),
      })),
      ...kinds.map((kind) => ({ in: `stages/${kind}/stage.ts`, out: `stages/${kind}` })),
    ],
    define: { ...common.define, 'process.env.OROGRAPH_SCRIPTS': JSON.stringify(names) },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
  });

  // The code digests come from the product's own code, compiled for this moment.
  const tool = join(fresh, 'fingerprint-code.mjs');
  await build({
    entryPoints: [join(root, 'src/kind/code.ts')],
    outfile: tool,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
  });
  const { identifyCode, surveyCode } = await import(pathToFileURL(tool).href);
  const described = {};
  for (const kind of kinds) {
    const file = join(root, 'stages', kind, 'stage.ts');
    const { exports: names } = await surveyCode(file, { root });
    const code = await identifyCode(file, 'default', { root });
    const facts = names.includes('facts') ? await identifyCode(file, 'facts', { root }) : null;
    const itemsFile = join(root, 'stages', kind, 'items.ts');
    const items = existsSync(itemsFile) ? await identifyCode(itemsFile, 'items', { root }) : null;
    described[kind] = {
      code: code.identity,
      factsCode: facts?.identity.digest ?? null,
      itemsCode: items?.identity.digest ?? null,
    };
  }
  writeFileSync(join(fresh, 'kinds.json'), JSON.stringify(described, null, 1));
  rmSync(tool);
  writeFileSync(join(fresh, 'stamp'), stamp);
  // File by file, and chunks of earlier builds stay for a while: a command that runs now may still import them.
  const built = filesUnder(fresh).map((file) => relative(fresh, file));
  // The stamp first: a worker that sees the old one has imported old files.
  for (const file of built.sort((a, b) => Number(b === 'stamp') - Number(a === 'stamp'))) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    renameSync(join(fresh, file), join(dist, file));
  }
  const kept = new Set(built);
  for (const file of filesUnder(dist)) {
    const stale = !kept.has(relative(dist, file)) && Date.now() - statSync(file).mtimeMs > 3_600_000;
    if (stale && !relative(dist, file).startsWith('types')) rmSync(file);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
try {
  execFileSync(process.execPath, [join(root, 'scripts/byte-code.mjs'), names]);
} catch {
  console.warn('the command line will start more slowly: no byte code of it could be kept');
}
const size = filesUnder(dist).reduce((sum, file) => sum + statSync(file).size, 0);
console.log(`built dist/ (${kinds.length} stage kinds, ${(size / 1e6).toFixed(1)} MB)`);
