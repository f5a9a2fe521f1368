import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { listDatasets } from '../../dataset/dataset.ts';
import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { autoEngine, availableEngines } from '../../engine/engine.ts';
import { orographVersion } from '../../run/environment.ts';
import { configFile } from '../../run/workspace.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { columns, type Terminal } from '../terminal.ts';
import { count, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';

/** One thing that was looked at. `bad` is what orograph cannot work with. */
interface Finding {
  readonly what: string;
  readonly state: 'good' | 'note' | 'bad';
  readonly found: string;
  readonly cure?: string;
}

/** NVIDIA's own tool, which comes with its driver. */
const gpuTool = 'nvidia-smi';

const marks = { good: ['green', '✓'], note: ['yellow', '○'], bad: ['red', '✗'] } as const;

/** `orograph doctor`: exit code 1 where something is missing that every run needs. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const workspace = await workspaceOf(args, cwd);
  const findings: Finding[] = [
    nodeVersion(),
    { what: 'orograph', state: 'good', found: orographVersion() },
    {
      what: 'workspace',
      state: 'good',
      found: existsSync(join(workspace.root, configFile))
        ? workspace.root
        : `${workspace.root} (the current folder: no ${configFile} here or above)`,
    },
    ...engines(workspace.root),
    automatic(workspace.root, workspace.cache),
    {
      what: 'processors',
      state: 'good',
      found: `${count(availableParallelism(), 'thread')} (${cpus()[0]?.model ?? 'unknown'}), ${count(workspace.jobs, 'stage')} at once, ${size(totalmem())} memory`,
    },
    gpu(),
    await cacheFolder(workspace.cache),
    await sqlite(),
    datasets(workspace.root),
    terminalFinding(out),
  ];
  if (args.has('json')) out.line(JSON.stringify(findings));
  else {
    const rows = findings.map(({ what, state, found, cure }) => [
      `${out.paint(marks[state][0], marks[state][1])} ${what}`,
      cure === undefined ? found : `${found}; ${cure}`,
    ]);
    for (const line of columns(rows)) out.line(line);
  }
  return findings.some(({ state }) => state === 'bad') ? exitCodes.stageFailed : exitCodes.good;
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 19);
  return {
    what: 'Node',
    state: good ? 'good' : 'bad',
    found: `${process.version}, ${process.platform} ${process.arch}`,
    ...(good ? {} : { cure: 'orograph needs 20.19 or later' }),
  };
}

/** Each engine that is installed is started for real, in a process of its own: a native library may crash. */
function engines(root: string): Finding[] {
  return availableEngines(root).flatMap(({ name, available, detail }) => {
    const what = `engine ${name}`;
    const lacking = name === 'wasm' ? 'bad' : 'note';
    if (!available) return [{ what, state: lacking, found: detail }];
    const { found, reason } = started(root, name);
    if (reason !== undefined) return [{ what, state: lacking, found: `${detail} does not start: ${reason}` }];
    const whole: Finding = { what, state: 'good', found: `${detail}, ${found}` };
    return name === 'onnx' ? [whole, providers(root)] : [whole];
  });
}

/** What `engine: auto` is, tried again whatever runs remember. */
function automatic(root: string, cache: string): Finding {
  const records = existsSync(cache) ? join(cache, 'engines') : undefined;
  const { name, why, passedOver } = autoEngine(root, records, true);
  const others = passedOver.map(({ name: better, reason }) => `not ${better} (${reason})`);
  return {
    what: 'engine auto',
    state: passedOver.length > 0 ? 'note' : 'good',
    found: [`${name}: ${why}`, ...others].join('; '),
  };
}

/** Which of the engine `onnx`' ways to a graphics card work. */
function providers(root: string): Finding {
  const tried = (['webgpu', 'cuda'] as const).map((name) => ({ name, ...started(root, 'onnx', name) }));
  const loading = tried.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  const failing = tried.flatMap(({ name, reason }) =>
    reason === undefined ? [] : [`${name} does not start (${reason})`],
  );
  return {
    what: 'providers of onnx',
    state: 'good',
    found: [['cpu', ...loading].join(', '), ...failing].join('; '),
  };
}

function started(root: string, ...engine: string[]): { found?: string; reason?: string } {
  const child = spawnSync(process.execPath, [process.argv[1]!, '__engine', ...engine], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (child.status === 0) return { found: child.stdout.trim() };
  // Native libraries write warnings of their own before our sentence.
  const own = /^error: (?:the engine "[^"]*" could not be started: )?(.*?)(?: \[[a-z-]+\])?$/m.exec(
    child.stderr,
  );
  return { reason: own?.[1] || child.signal || `exit code ${child.status}` };
}

function gpu(): Finding {
  const child = spawnSync(
    gpuTool,
    ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'],
    {
      encoding: 'utf8',
      timeout: 10_000,
    },
  );
  const names = child.status === 0 ? child.stdout.trim().split('\n') : [];
  if (names.length === 0)
    return { what: 'GPU', state: 'note', found: `none found by ${gpuTool}; the engine uses the processor` };
  return { what: 'GPU', state: 'good', found: names.join('; ') };
}

async function cacheFolder(cache: string): Promise<Finding> {
  // The nearest folder that exists decides whether it can be made.
  let there = cache;
  while (!existsSync(there)) there = dirname(there);
  const what = 'cache';
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    return { what, state: 'bad', found: `${cache} cannot be written`, cure: 'choose another with --cache' };
  }
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  return {
    what,
    state: free < 1e9 ? 'note' : 'good',
    found: `${cache}${there === cache ? '' : ' (not made yet)'}, ${size(free)} free`,
    ...(free < 1e9 ? { cure: 'orograph gc frees space' } : {}),
  };
}

async function sqlite(): Promise<Finding> {
  try {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(':memory:');
    const version = database.prepare('select sqlite_version()').pluck().get() as string;
    database.close();
    return { what: 'SQLite', state: 'good', found: version };
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]!;
    return { what: 'SQLite', state: 'bad', found: reason, cure: 'npm rebuild better-sqlite3' };
  }
}

function datasets(root: string): Finding {
  const names = listDatasets(root).map(({ name }) => name);
  const cure = names.includes('cifar10') ? {} : { cure: 'all of CIFAR-10: orograph data get cifar10' };
  return names.length > 0
    ? { what: 'data sets', state: 'good', found: names.join(', '), ...cure }
    : { what: 'data sets', state: 'note', found: 'none', ...cure };
}

function terminalFinding(out: Terminal): Finding {
  const colours = out.paint('green', 'x') !== 'x' ? 'colours' : 'no colours';
  const { columns, rows } = out.size();
  const found = out.interactive
    ? `live view, ${colours}, ${columns} x ${rows}`
    : `plain lines, ${colours} (${out.stream.isTTY ? `TERM=${process.env.TERM ?? ''}${process.env.CI ? ', CI' : ''}` : 'not a terminal'})`;
  return { what: 'output', state: 'good', found };
}
