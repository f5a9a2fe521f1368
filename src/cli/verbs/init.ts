import { cpSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { orographVersion } from '../../run/environment.ts';
import { packageRoot } from '../../util/package-root.ts';
import { quoted } from '../again.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph init DIR`: the folder `assets/init/` of the package, with its names filled in. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const folder = resolve(cwd, args.positionals[0]!);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new UserError({
      severity: 'error',
      code: 'not-a-folder',
      message: `${args.positionals[0]} is there already, and no folder`,
      hint: 'name a folder that does not exist yet',
    });
  if (existsSync(folder) && readdirSync(folder).some((name) => name !== '.git'))
    throw new UserError({
      severity: 'error',
      code: 'folder-not-empty',
      message: `${args.positionals[0]} is there already and not empty`,
      hint: 'name a folder that does not exist yet',
    });
  cpSync(join(packageRoot(), 'assets', 'init'), folder, { recursive: true });
  // npm leaves files of this name out of packages.
  renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'));
  for (const file of ['package.json', 'README.md']) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8')
      .replaceAll('{{name}}', packageName(basename(folder)))
      .replaceAll('{{orograph}}', orographSpec());
    writeFileSync(path, text);
  }
  const there = shortPath(folder, cwd);
  const here = folder === cwd;
  out.line(`${here ? 'The project' : there} is made. To see its first figure:`);
  out.line();
  if (!here) out.line(`  cd ${quoted(there)}`);
  out.line('  npm install');
  out.line('  npx orograph run pipelines/my-figure.yaml');
  return exitCodes.good;
}

/** What npm allows as a name: lower case, no spaces, no accents. */
function packageName(folder: string): string {
  return (
    folder
      .normalize('NFD')
      .replace(/\p{Mark}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+|-+$/g, '') || 'my-project'
  );
}

/** A version range where orograph itself was installed by npm, else the path of this very copy. */
function orographSpec(): string {
  const root = packageRoot();
  return relative(resolve('/'), root).split(sep).includes('node_modules')
    ? `^${orographVersion()}`
    : `file:${root}`;
}
