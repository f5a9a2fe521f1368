/**
 * Orchestration overhead, side by side: how long a tool takes beyond the work of its stages.
 *
 *     npm run bench:overhead -- --sizes 100,1000 --shapes wide --peers orograph,ninja --ops noop,leaf --reps 5
 *
 * All tools that are installed build the same graphs of trivial stages in folders of their own; those that are not
 * are named. For each operation the tools take turns (A B C A B C), so that a slow minute of the machine falls on all
 * of them. What ran is counted by the stages themselves, every output is checked against an oracle.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cores, disturbed, runTimed, waitForIdle } from './measure.mjs';
import { peers as allPeers } from './peers/index.mjs';
import { printTable, summarise } from './report.mjs';
import { makeGraph, shapeNames } from './shapes.mjs';
import { Tree } from './tree.mjs';

const operationNames = ['cold', 'noop', 'leaf', 'touch', 'cutoff', 'comment', 'memory'];

const usage = `node bench/overhead/run.mjs [options]
  --peers a,b   tools whose name starts with one of these (default: all installed)
  --shapes a,b  ${shapeNames.join(', ')}
  --sizes a,b   stages, multiples of 100 (default: 100,1000,10000)
  --ops a,b     ${operationNames.join(', ')}
  --reps n      samples an operation (default: 5)
  --cap s       a tool that takes longer than this many seconds is left out (default: 120)
  --patience s  how long to wait for an idle machine before each sample (default: 5)
  --slow s      a tool whose first build takes longer gets one sample an operation, as it comes (default: 30)
  --redo n      disturbed samples to take again, for each tool and operation (default: 4)
  --json file   where to write every sample
  --keep        leave the folders for inspection`;

const { values: options } = parseArgs({
  options: {
    peers: { type: 'string', default: '' },
    shapes: { type: 'string', default: shapeNames.join() },
    sizes: { type: 'string', default: '100,1000,10000' },
    ops: { type: 'string', default: operationNames.join() },
    reps: { type: 'string', default: '5' },
    cap: { type: 'string', default: '120' },
    patience: { type: 'string', default: '5' },
    slow: { type: 'string', default: '30' },
    redo: { type: 'string', default: '4' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(usage);
  process.exit(0);
}

const listOf = (text) => text.split(',').filter(Boolean);
const wanted = (known, asked, what) => {
  for (const name of asked)
    if (!known.includes(name)) throw new Error(`unknown ${what} ${name}; known: ${known.join(', ')}`);
  return known.filter((name) => asked.includes(name));
};
const operations = wanted(operationNames, listOf(options.ops), 'operation');
const shapes = wanted(shapeNames, listOf(options.shapes), 'shape');
const sizes = listOf(options.sizes).map(Number);
const repetitions = Number(options.reps);
const limits = { cap: Number(options.cap), patience: Number(options.patience), slow: Number(options.slow) };
const mostRedone = Number(options.redo);

const { present, absent } = choosePeers(listOf(options.peers));
const about = {
  machine: machine(),
  peers: present.map(({ name, version }) => `${name} (${version})`),
  absent,
};
console.log(`${about.machine}\n${about.peers.join(', ')}`);
if (absent.length > 0) console.log(`not installed: ${absent.join(', ')}`);

execFileSync(process.execPath, [
  join(import.meta.dirname, '..', '..', 'scripts', 'build.mjs'),
  '--if-changed',
]);
const work = mkdtempSync(join(tmpdir(), 'orograph-bench-'));
const results = [];
try {
  for (const size of sizes)
    for (const shape of shapes) {
      const summaries = await compare(shape, size);
      printTable(`${shape}, ${size} stages`, summaries, operations);
    }
} finally {
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ about, results }, null, 1)}\n`);
  if (options.keep) console.log(`the folders are in ${work}`);
  else rmSync(work, { recursive: true, force: true });
}
if (results.some((result) => result.wrongOutputs > 0 || result.failed)) process.exitCode = 1;

function choosePeers(prefixes) {
  const present = [];
  const absent = [];
  for (const peer of allPeers) {
    if (prefixes.length > 0 && !prefixes.some((prefix) => peer.name.startsWith(prefix))) continue;
    const version = peer.detect();
    if (version === null) absent.push(peer.name);
    else present.push({ ...peer, version });
  }
  return { present, absent };
}

function machine() {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cores} cores (${cpus()[0].model.trim()}), ${memory} GiB, Node ${process.versions.node}, ${process.platform}`;
}

/** All operations on one graph, all tools in turns; summaries in the order of the tools. */
async function compare(shape, size) {
  const graph = makeGraph(shape, size);
  let contenders = present.map((peer) => {
    const folder = join(work, `${shape}-${size}-${peer.name.replaceAll(' ', '-')}`);
    mkdirSync(folder, { recursive: true });
    return { peer, folder, tree: new Tree(folder, graph, peer) };
  });
  const summaries = [];
  // A first build that is not counted: every file has been read once, and what comes after has something to find.
  contenders = await settle(contenders);
  for (const operation of operations) {
    const samples = new Map(contenders.map((contender) => [contender, { kept: [], redone: 0 }]));
    const rounds = operation === 'memory' ? 1 : repetitions;
    for (let round = 0; round < rounds + mostRedone; round++) {
      for (const [contender, record] of samples) {
        const enough = contender.slow ? 1 : rounds;
        if (record.kept.length >= enough || !allows(contender.peer, operation)) continue;
        const sample = await take(contender, operation);
        if (disturbed(sample) && !contender.slow && record.redone < mostRedone) record.redone++;
        else record.kept.push(sample);
      }
    }
    for (const [{ peer, tree }, { kept, redone }] of samples) {
      if (kept.length === 0) continue;
      const summary = summarise({
        peer,
        graph,
        operation,
        samples: kept,
        redone,
        wrongOutputs: tree.wrongOutputs(),
      });
      summaries.push(summary);
      results.push(summary);
    }
    console.log(`  ${shape} ${size} ${operation} done`);
  }
  return summaries;
}

function allows(peer, operation) {
  return peer.operations?.includes(operation) ?? true;
}

/** Builds everything once; those that fail or take too long take no further part, and it is told. */
async function settle(contenders) {
  const able = [];
  for (const contender of contenders) {
    const { peer, tree } = contender;
    const first = await take(contender, 'cold');
    const wrong = first.late ? 0 : tree.wrongOutputs();
    if (first.late || first.status !== 0 || wrong > 0) {
      const why = first.late
        ? `took longer than ${limits.cap} s`
        : `status ${first.status}, ${wrong} wrong outputs`;
      console.log(`  ${peer.name} is left out of ${tree.graph.shape} ${tree.graph.n}: ${why}`);
      results.push({ peer: peer.name, shape: tree.graph.shape, n: tree.graph.n, failed: !first.late, why });
      continue;
    }
    // Some tools do more at the first run after a build.
    if (allows(peer, 'noop')) await take(contender, 'noop');
    const slow = first.wall > limits.slow;
    if (slow)
      console.log(`  ${peer.name} is slow (${first.wall.toFixed(0)} s cold): one sample an operation`);
    able.push({ ...contender, slow });
  }
  return able;
}

/** One sample: an edit, then one run of the tool. */
async function take({ tree, folder }, operation) {
  let needed = tree.graph.stages.length;
  if (operation === 'cold') tree.clean();
  else needed = tree.edit(operation === 'memory' ? 'noop' : operation);
  tree.resetLog();
  await waitForIdle(limits.patience);
  const { command, env } = tree.setup;
  const sample = await runTimed(command, {
    cwd: tree.folder,
    env,
    scratch: folder,
    cap: limits.cap,
    memory: operation === 'memory',
  });
  return { ...sample, executed: tree.executions(), needed };
}
