import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { workspaceRoot } from '../../run/workspace.ts';
import { makeFolder } from '../../util/fs-durable.ts';
import { packageRoot } from '../../util/package-root.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph new stage NAME`: `assets/new/stage.ts` as `stages/NAME.ts` of the workspace. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const name = args.positionals[1]!;
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new UserError({
      severity: 'error',
      code: 'bad-name',
      message: `"${name}" cannot be the name of a stage kind`,
      expected: 'lower-case letters, digits and dashes, a letter first: smooth, loss-table',
    });
  const folder = join(workspaceRoot(cwd), 'stages');
  const file = join(folder, `${name}.ts`);
  if (existsSync(file))
    throw new UserError({
      severity: 'error',
      code: 'file-exists',
      message: `${shortPath(file, cwd)} is there already`,
      hint: 'choose another name',
    });
  makeFolder(folder);
  const template = readFileSync(join(packageRoot(), 'assets', 'new', 'stage.ts'), 'utf8');
  writeFileSync(file, template.replaceAll('{{name}}', name));
  out.line(`${shortPath(file, cwd)} is made. A pipeline in pipelines/ uses it so:`);
  out.line();
  out.line(`  ${name}:`);
  out.line(`    uses: ../stages/${name}.ts`);
  out.line('    inputs: { curves: curve }   # stages whose output is curves');
  out.line('    with: { metric: loss }');
  return exitCodes.good;
}
