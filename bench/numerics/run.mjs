/**
 * Numerical speed side by side with PyTorch: how long a curve, a surface, a Hessian-vector product, eigenpairs take.
 *
 *     CIFAR10=<folder with data_batch_1.bin> npm run bench:numerics -- --cases mlp --reps 3
 *
 * Ours is this repository's code on one engine; theirs are the PyTorch programs of `../shared/oracle` beside the
 * repository and Listing 1, run by /usr/bin/python3 where it has torch. Each sample is a process of its own, the sides
 * take turns, and what ours has computed is compared with float64 PyTorch's numbers in the same run. On a shared machine
 * only processor time and ratios of one session mean something; `taskset -c 0` with `--settings one` leaves the threads
 * out of it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { median } from '../overhead/measure.mjs';

const usage = `node bench/numerics/run.mjs [options]
  --engine a,b    engines to time (default: those that a case has an aim for)
  --cases a,b     cases whose name starts with one of these (default: all)
  --reps n        samples in a process after one that warms up (default: 3; 0: that one alone)
  --turns n       processes of each side (default: 1)
  --settings a,b  PyTorch's settings of threads, of default, mix, bind, one, and of kernels where a processor has AVX-512,
                  default-skylakex, mix-skylakex; the best counts (default: the first three)
  --alone         without PyTorch
  --json file     where to write every sample`;

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: '' },
    cases: { type: 'string', default: '' },
    reps: { type: 'string', default: '3' },
    turns: { type: 'string', default: '1' },
    settings: { type: 'string', default: 'default,mix,bind' },
    alone: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(usage);
  process.exit(0);
}

const root = dirname(dirname(import.meta.dirname));
const oracle = join(dirname(root), 'shared', 'oracle');
const python = '/usr/bin/python3';
const listOf = (text) => text.split(',').filter(Boolean);

if (!existsSync(oracle))
  stop('there is no ../shared/oracle beside the repository: nothing to compute or compare');
if (!process.env.CIFAR10) stop('CIFAR10 must name the folder with data_batch_1.bin and test_batch.bin');
const hasTorch =
  existsSync(python) && spawnSync(python, ['-c', 'import torch, scipy'], { stdio: 'ignore' }).status === 0;

function stop(why) {
  console.error(why);
  process.exit(1);
}

// Beside the packages that are not bundled, so that they are found.
const work = mkdtempSync(join(root, 'node_modules', '.cache-bench-'));
const results = mkdtempSync(join(tmpdir(), 'orograph-bench-'));
const program = join(work, 'cases.mjs');
const rows = [];
try {
  await build({
    absWorkingDir: root,
    entryPoints: [join(import.meta.dirname, 'cases.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: [
      'better-sqlite3',
      'esbuild',
      'onnxruntime-node',
      '@tensorflow/tfjs-node',
      '@tensorflow/tfjs-node-gpu',
    ],
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(join(root, 'package.json'))}); const __dirname = import.meta.dirname;`,
    },
    logLevel: 'error',
    logOverride: { 'direct-eval': 'silent' },
  });
  const known = JSON.parse(execFileSync(process.execPath, [program, 'list'], { encoding: 'utf8' }));
  const prefixes = listOf(options.cases);
  const chosen = known.filter(
    ({ name }) => prefixes.length === 0 || prefixes.some((p) => name.startsWith(p)),
  );
  if (chosen.length === 0) stop(`no such case; there are ${known.map(({ name }) => name).join(', ')}`);
  console.log(`${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.versions.node}`);
  if (!hasTorch) console.log(`${python} has no torch and scipy: ours alone`);
  for (const { name, peers, engines } of chosen) {
    const start = performance.now();
    const named = listOf(options.engine);
    const sides = [
      ...(named.length > 0 ? named : engines).map((engine) => ({
        side: engine,
        take: () => ours(name, engine),
        samples: [],
      })),
      ...(hasTorch && !options.alone ? peers : []).flatMap((peer) =>
        listOf(options.settings).map((setting) => ({
          peer,
          side: `PyTorch, ${setting}${peers.length > 1 ? `, ${peer}` : ''}`,
          take: () => theirs(peer, setting),
          samples: [],
        })),
      ),
    ];
    for (let turn = 0; turn < Number(options.turns); turn++)
      for (const { samples, take } of sides) samples.push(take());
    report(name, peers, sides, (performance.now() - start) / 1e3);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
  rmSync(results, { recursive: true, force: true });
  if (options.json) writeFileSync(options.json, `${JSON.stringify(rows, null, 1)}\n`);
}

/** The last line that a process prints is JSON. */
function lastLine(text) {
  return JSON.parse(text.trim().split('\n').at(-1));
}

function ours(name, engine) {
  const child = spawnSync(process.execPath, [program, name, engine, options.reps], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ORACLE_RESULTS: results },
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) return failed(child);
  const { samples, megabytes, check, note } = lastLine(child.stdout);
  return {
    wall: median(samples.map(({ wall }) => wall)),
    cpu: median(samples.map(({ cpu }) => cpu)),
    megabytes,
    check,
    note,
  };
}

function theirs(peer, setting) {
  const child = spawnSync(python, [join(import.meta.dirname, 'peer.py'), peer, setting, options.reps], {
    encoding: 'utf8',
    env: { ...process.env, ORACLE_RESULTS: results, TMPDIR: results, PYTHONDONTWRITEBYTECODE: '1' },
  });
  return child.status === 0 ? lastLine(child.stdout) : failed(child);
}

/** JSON has no NaN: null stands for it. */
function accepted({ deviation, tolerance }) {
  return deviation !== null && deviation <= tolerance;
}

function failed({ stderr, signal }) {
  process.exitCode = 1;
  return {
    wall: Number.NaN,
    cpu: Number.NaN,
    note: `FAILED: ${signal ?? /^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim().split('\n').at(-1)}`,
  };
}

function report(name, peers, sides, seconds) {
  const measured = sides.map(({ side, peer, samples }) => ({
    side,
    peer,
    wall: median(samples.map(({ wall }) => wall)),
    cpu: median(samples.map(({ cpu }) => cpu)),
    megabytes: median(samples.map(({ megabytes }) => megabytes)),
    check: samples[0].check,
    note: samples[0].note,
  }));
  /** The best setting of a program of PyTorch's. */
  const best = (peer, what) =>
    Math.min(
      ...measured.filter((one) => one.peer === peer && Number.isFinite(one[what])).map((one) => one[what]),
    );
  console.log(`\n### ${name} (${seconds.toFixed(0)} s)\n`);
  console.log('| | wall s | cpu s | MB | PyTorch / this, wall (cpu) | against float64 |');
  console.log('|---|---|---|---|---|---|');
  for (const { side, peer, wall, cpu, megabytes, check, note } of measured) {
    const right = check
      ? `${check.of}: ${Number(check.deviation ?? Number.NaN).toExponential(1)}${accepted(check) ? '' : ` WRONG, beyond ${check.tolerance}`}`
      : '';
    const ratios = peer
      ? []
      : peers
          .filter((one) => Number.isFinite(best(one, 'wall')))
          .map((one) => `${(best(one, 'wall') / wall).toFixed(2)} (${(best(one, 'cpu') / cpu).toFixed(2)})`);
    const words = [right, note].filter(Boolean).join('; ');
    console.log(
      `| ${side} | ${wall.toPrecision(3)} | ${cpu.toPrecision(3)} | ${megabytes?.toFixed(0) ?? ''} | ${ratios.join(' / ')} | ${words} |`,
    );
    if (check && !accepted(check)) process.exitCode = 1;
  }
  rows.push({ case: name, seconds, sides });
}
