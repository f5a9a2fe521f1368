import { createReadStream, existsSync } from 'node:fs';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { previewPipeline } from '../../run/preview.ts';
import { logPath } from '../../store/logs.ts';
import { openStore } from '../../store/open.ts';
import type { StageKey } from '../../util/digest.ts';
import { again } from '../again.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import { findNamed } from '../preview-of.ts';
import type { VerbContext } from '../verb.ts';

/** `orograph logs FILE STAGE`: of what the stage is now, or where that never ran, of its newest run. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const [file, stage] = args.positionals as [string, string];
  const options = await pipelineOptions(args, cwd, file, [stage]);
  const preview = await previewPipeline(options);
  const named = new Set(findNamed(preview.plan, stage).instances.map(({ id }) => id));
  const asked = preview.stages.filter(({ id }) => named.has(id));
  const { cache } = options.workspace;
  const newest = newestKeys(cache, preview.plan.pipeline);
  const found = asked.flatMap(({ id, key }) => {
    const path = [key, newest.get(id) ?? null]
      .filter((key): key is StageKey => key !== null)
      .map((key) => logPath(cache, key))
      .find((path) => existsSync(path));
    return path ? [{ id, path }] : [];
  });
  if (found.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-log',
      message: `there is no log of ${stage}: it printed nothing, or it never ran with this cache`,
      hint: `${again(args, 'why', file, stage)} says whether it ran`,
    });
  for (const { id, path } of found) {
    if (args.has('path')) out.line(path);
    else {
      if (found.length > 1) out.line(out.paint('bold', `==> ${id} <==`));
      for await (const chunk of createReadStream(path)) out.stream.write(chunk);
    }
  }
  return exitCodes.good;
}

function newestKeys(cache: string, pipeline: string): Map<string, StageKey> {
  if (!existsSync(cache)) return new Map();
  const store = openStore(cache, { reading: true });
  try {
    return new Map([...store.latest(pipeline)].map(([id, { key }]) => [id, key]));
  } finally {
    store.close();
  }
}
