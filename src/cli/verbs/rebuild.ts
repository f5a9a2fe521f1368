import { mkdtempSync, rmSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { readFigure } from '../../run/read-provenance.ts';
import { rebuild } from '../../run/rebuild.ts';
import { makeFolder } from '../../util/fs-durable.ts';
import { catchInterrupts } from '../interrupt.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { describeDiagnostics } from '../report.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';
import { openView } from '../views/view.ts';

/** `orograph rebuild FIGURE`: exit code 3 where the bytes differ. */
export async function main({ args, cwd, out, err }: VerbContext): Promise<ExitCode> {
  const [file] = args.positionals as [string];
  const path = resolve(cwd, file);
  const figure = await readFigure(path, file);
  const into = resolve(cwd, args.value('into') ?? `${basename(file, extname(file))}-rebuilt`);
  const workspace = await workspaceOf(args, cwd);
  let fresh: string | undefined;
  if (args.has('fresh')) {
    makeFolder(into);
    fresh = mkdtempSync(join(into, 'cache-'));
  }
  const view = openView({
    out: err,
    err,
    cwd,
    json: false,
    quiet: false,
    describe: ({ diagnostic }) => describeDiagnostics([diagnostic], err, cwd),
  });
  const interrupts = catchInterrupts(() =>
    view.say([err.paint('yellow', 'Stopping: finished work is kept. Ctrl-C again stops at once.')]),
  );
  try {
    const engine = args.value('engine');
    const rebuilt = await rebuild({
      figure,
      workspace: { ...workspace, ...(fresh !== undefined && { cache: fresh }) },
      into,
      ...(engine !== undefined && { engine }),
      subscriber: view.subscriber,
      signal: interrupts.signal,
    });
    view.close();
    if (rebuilt.path === null)
      return rebuilt.run.exitCode === exitCodes.good ? exitCodes.stageFailed : rebuilt.run.exitCode;
    const name = shortPath(rebuilt.path, cwd);
    if (rebuilt.same) {
      out.line(
        `${out.paint('green', 'same bytes')}: ${name} is ${file}${figure.provenance.reduced === undefined ? '' : ', which is a reduced copy of it'}, made again from what it says`,
      );
      return exitCodes.good;
    }
    out.line(`${out.paint('yellow', 'other bytes')}: ${name} is not ${file}`);
    for (const line of rebuilt.differences) out.line(`  ${line}`);
    return exitCodes.verificationFailed;
  } finally {
    view.close();
    interrupts.dispose();
    if (fresh !== undefined) rmSync(fresh, { recursive: true, force: true });
  }
}
