/** What pipelines can still reach in the cache: what a collection must keep. */
import { resolve } from 'node:path';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { previewPipeline } from '../run/preview.ts';
import type { StageKey } from '../util/digest.ts';
import { nameIn, namesIn } from './pipeline-names.ts';
import { pipelineOptions } from './pipeline-options.ts';
import type { VerbContext } from './verb.ts';
import { shortPath } from './views/summary.ts';

/** A pipeline, or one of its profiles, of which nobody can say now what it reaches. */
export interface Unknown {
  readonly file: string;
  readonly profile: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Reach {
  readonly keep: Set<StageKey>;
  /** By name, those of `unknown` among them: what their stages last were stays as well. */
  readonly pipelines: Set<string>;
  readonly unknown: readonly Unknown[];
}

/** What is not on this machine now may be there tomorrow: the pipeline is right, and so are its results. */
const missing: ReadonlySet<string> = new Set([
  'unknown-dataset',
  'bad-dataset',
  'file-not-found',
  'missing-file',
]);

/**
 * Plans every profile of the files: the published settings may have taken a night. A file that cannot be planned ends
 * the collection, for nobody can say what it reaches; except that files and profiles that nobody asked for may lack
 * their data, and that a file which another one includes need not stand alone.
 * @throws UserError what is wrong with a file, said of the profile where it is not the default
 */
export async function reachOf(
  files: readonly string[],
  { args, cwd }: Pick<VerbContext, 'args' | 'cwd'>,
): Promise<Reach> {
  const keep = new Set<StageKey>();
  const pipelines = new Set<string>();
  const included = new Set<string>();
  const failed: (Unknown & { readonly error: UserError })[] = [];
  const asked = args.value('profile');
  for (const file of files) {
    const profiles = asked === undefined ? [undefined, ...namesIn(file, 'profiles', cwd)] : [asked];
    for (const profile of profiles) {
      try {
        const { plan, stages } = await previewPipeline({
          ...(await pipelineOptions(args, cwd, shortPath(resolve(cwd, file), cwd))),
          ...(profile === undefined ? {} : { profile }),
        });
        pipelines.add(plan.pipeline);
        for (const { path } of plan.sources.slice(1)) included.add(resolve(plan.root, path));
        for (const { key } of stages) if (key !== null) keep.add(key);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed.push({ file, profile, diagnostics: error.diagnostics, error });
      }
    }
  }
  for (const { file, profile, error } of failed) {
    const named = asked !== undefined || (profile === undefined && args.positionals.includes(file));
    const lacks = error.diagnostics.every(
      ({ code, severity }) => severity === 'warning' || missing.has(code),
    );
    if (named || (!lacks && !included.has(resolve(cwd, file)))) throw ofProfile(error, profile);
    const name = nameIn(file, cwd);
    if (name !== undefined) pipelines.add(name);
  }
  return { keep, pipelines, unknown: failed };
}

function ofProfile(error: UserError, profile: string | undefined): UserError {
  if (profile === undefined) return error;
  const said = error.diagnostics.map((diagnostic) => ({
    ...diagnostic,
    message: `in the profile "${profile}": ${diagnostic.message}`,
  }));
  return new UserError(said, error.exitCode, error.sources);
}

/** One warning for each thing that is missing: of whose results only the newest are spared. */
export function unplanned(unknown: readonly Unknown[], cwd: string): Diagnostic[] {
  const byCause = new Map<string, Map<string, (string | undefined)[]>>();
  for (const { file, profile, diagnostics } of unknown) {
    const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : '';
    const cause = `${diagnostics[0]!.message}${more}`;
    const files = byCause.get(cause) ?? new Map<string, (string | undefined)[]>();
    byCause.set(cause, files);
    files.set(file, [...(files.get(file) ?? []), profile]);
  }
  return [...byCause].map(([cause, files]) => {
    const names = [...files].map(([file, profiles]) => {
      const path = shortPath(resolve(cwd, file), cwd);
      const named = profiles.filter((profile) => profile !== undefined);
      if (named.length === 0) return path;
      return `${path} (${named.length < profiles.length ? 'default, ' : ''}${named.join(', ')})`;
    });
    return {
      severity: 'warning',
      code: 'unknown-reach',
      message: `what these files reach (with these profiles) cannot be told: ${names.join('; ')}: ${cause}`,
      hint: 'of their results only those of the newest run stay; to keep more, put back what is missing first',
    };
  });
}
