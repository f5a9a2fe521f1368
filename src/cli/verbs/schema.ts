import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { packageRoot } from '../../util/package-root.ts';
import type { VerbContext } from '../verb.ts';

/** `orograph schema [--event]` */
export async function main({ args, out }: VerbContext): Promise<ExitCode> {
  const name = args.has('event') ? 'event' : 'pipeline';
  out.write(readFileSync(join(packageRoot(), 'schema', `${name}.schema.json`), 'utf8'));
  return exitCodes.good;
}
