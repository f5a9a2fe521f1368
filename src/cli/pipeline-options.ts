import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import type { PipelineOptions, Workspace } from '../run/contract.ts';
import { findWorkspace } from '../run/workspace.ts';
import type { Arguments } from './verb.ts';

/** The workspace that the options `--cache`, `--artifacts` and `--jobs` ask for. */
export function workspaceOf(args: Arguments, cwd: string): Promise<Workspace> {
  const [cache, artifacts, jobs] = [args.value('cache'), args.value('artifacts'), args.value('jobs')];
  return findWorkspace(cwd, {
    ...(cache === undefined ? {} : { cache }),
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(jobs === undefined ? {} : { jobs: positiveInteger('--jobs', jobs) }),
  });
}

/** What `run`, `plan`, `why` and the others that read a pipeline file have in common. */
export async function pipelineOptions(
  args: Arguments,
  cwd: string,
  file: string,
  stages: readonly string[] = [],
): Promise<PipelineOptions> {
  const [profile, engine] = [args.value('profile'), args.value('engine')];
  return {
    workspace: await workspaceOf(args, cwd),
    file,
    cwd,
    ...(profile === undefined ? {} : { profile }),
    ...(engine === undefined ? {} : { engine }),
    set: args.values('set'),
    ...(stages.length === 0 ? {} : { stages }),
  };
}

function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 4096) return value;
  const mistake: Diagnostic = {
    severity: 'error',
    code: 'option-value',
    message: `${option} cannot be "${text}"`,
    expected: 'a whole number from 1 to 4096',
  };
  throw new UserError(mistake);
}
