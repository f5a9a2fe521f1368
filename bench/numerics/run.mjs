/**
 * Numerical speed side by side with PyTorch: how long a curve, a surface, a Hessian-vector product, eigenpairs take.
 *
 *     CIFAR10=<folder with data_batch_1.bin> npm run bench:numerics -- --engine wasm --cases mlp --reps 3
 *
 * Ours is this repository's code on one engine; theirs are the PyTorch programs of `../shared/oracle` beside the
 * repository, run by /usr/bin/python3 where it has torch. Each sample is a process of its own, the two take turns, and
 * what ours has computed is compared with float64 PyTorch's numbers in the same run. On a shared machine only processor
 * time and ratios of one session mean something.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { median } from '../overhead/measure.mjs';

const usage = `node bench/numerics/run.mjs [options]
  --engine a,b    engines to time (default: wasm)
  --cases a,b     cases whose name starts with one of these (default: all)
  --reps n        samples in a process after one that warms up (default: 3; 0: that one alone)
  --turns n       processes of each side (default: 1)
  --configs a,b   PyTorch's thread settings; the best counts (default: default,mix,bind)
  --json file     where to write every sample`;

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'wasm' },
    cases: { type: 'string', default: '' },
    reps: { type: 'string', default: '3' },
    turns: { type: 'string', default: '1' },
    configs: { type: 'string', default: 'default,mix,bind' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(usage);
  process.exit(0);
}

const root = dirname(dirname(import.meta.dirname));
const peer = join(dirname(root), 'shared', 'oracle', 'peer', 'peer_timing.py');
const python = '/usr/bin/python3';
const listOf = (text) => text.split(',').filter(Boolean);

if (!existsSync(peer))
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
  const known = execFileSync(process.execPath, [program, 'list'], { encoding: 'utf8' }).trim().split('\n');
  const prefixes = listOf(options.cases);
  console.log(`${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.versions.node}`);
  if (!hasTorch) console.log(`${python} has no torch and scipy: ours alone`);
  for (const name of known.filter(
    (one) => prefixes.length === 0 || prefixes.some((p) => one.startsWith(p)),
  )) {
    const sides = [
      ...listOf(options.engine).map((engine) => ({
        side: engine,
        take: () => ours(name, engine),
        samples: [],
      })),
      ...(hasTorch
        ? listOf(options.configs).map((config) => ({
            side: `PyTorch, ${config}`,
            take: () => theirs(name, config),
            samples: [],
          }))
        : []),
    ];
    for (let turn = 0; turn < Number(options.turns); turn++)
      for (const { samples, take } of sides) samples.push(take());
    report(name, sides);
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
  const text = execFileSync(process.execPath, [program, name, engine, options.reps], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { samples, megabytes, check, note } = lastLine(text);
  return {
    wall: median(samples.map(({ wall }) => wall)),
    cpu: median(samples.map(({ cpu }) => cpu)),
    megabytes,
    check,
    note,
  };
}

function theirs(name, config) {
  const child = spawnSync(python, [peer, name, '--config', config, '--reps', options.reps], {
    encoding: 'utf8',
    env: { ...process.env, ORACLE_RESULTS: results, TMPDIR: results },
  });
  if (child.status !== 0) return { wall: Number.NaN, note: child.stderr.trim().split('\n').at(-1) };
  const told = lastLine(child.stdout);
  const wall = told.extrapolated_51x51_s ?? told.total_s ?? told.median_s;
  return {
    wall,
    // It tells how many cores it used on average.
    cpu: told.own_cpu * wall,
    note: told.LA && `${told.LA.matvecs} + ${told.SA.matvecs} products`,
  };
}

function report(name, sides) {
  const peers = sides.filter(({ side }) => side.startsWith('PyTorch'));
  const best = Math.min(...peers.map(({ samples }) => wallOf(samples)));
  const bestCpu = Math.min(...peers.map(({ samples }) => samples[0].cpu));
  console.log(`\n### ${name}\n`);
  console.log('| | wall s | cpu s | MB | PyTorch / this, wall (cpu) | against float64 |');
  console.log('|---|---|---|---|---|---|');
  for (const { side, samples } of sides) {
    const [{ check, note, cpu, megabytes }] = samples;
    const wall = wallOf(samples);
    const right = check
      ? `${check.of}: ${check.deviation.toExponential(1)}${check.deviation <= check.tolerance ? '' : ` WRONG, beyond ${check.tolerance}`}`
      : '';
    const ratio =
      side.startsWith('PyTorch') || !Number.isFinite(best)
        ? ''
        : `${(best / wall).toFixed(2)} (${(bestCpu / cpu).toFixed(2)})`;
    const words = [right, note].filter(Boolean).join('; ');
    console.log(
      `| ${side} | ${wall.toPrecision(3)} | ${cpu?.toPrecision(3) ?? ''} | ${megabytes?.toFixed(0) ?? ''} | ${ratio} | ${words} |`,
    );
    rows.push({ case: name, side, samples });
    if (check && !(check.deviation <= check.tolerance)) process.exitCode = 1;
  }
}

function wallOf(samples) {
  return median(samples.map(({ wall }) => wall));
}
