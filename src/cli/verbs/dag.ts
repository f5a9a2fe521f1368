import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { Kinds } from '../../fingerprint/registry.ts';
import { type Graph, graphAsDot, graphAsMermaid, graphAsText, graphOf } from '../../plan/dag.ts';
import { planPipeline } from '../../plan/plan-pipeline.ts';
import { diskError } from '../../store/disk-errors.ts';
import { workspaceOf } from '../pipeline-options.ts';
import type { VerbContext } from '../verb.ts';

/** `orograph dag FILE --format text|mermaid|dot|svg`: needs the plan only, no cache and no engine. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const { root, cache } = await workspaceOf(args, cwd);
  const { plan, diagnostics, sources } = await planPipeline({
    file: args.positionals[0]!,
    root,
    cwd,
    profile: args.value('profile'),
    set: args.values('set'),
    registry: await Kinds.open(cache),
  });
  if (!plan) throw new UserError(diagnostics, exitCodes.badInput, sources);
  const graph = graphOf(plan, args.has('instances') ? 'instance' : 'stage');
  const drawing = `${(await draw(graph, args.value('format') ?? 'text')).trimEnd()}\n`;
  const output = args.value('output');
  if (output === undefined) out.write(drawing);
  else {
    try {
      writeFileSync(resolve(cwd, output), drawing);
    } catch (error) {
      throw diskError(error, 'write the drawing', output);
    }
  }
  return exitCodes.good;
}

async function draw(graph: Graph, format: string): Promise<string> {
  switch (format) {
    case 'mermaid':
      return graphAsMermaid(graph);
    case 'dot':
      return graphAsDot(graph);
    case 'svg':
      return (await import('../../figure/dag.ts')).drawDag(graph);
    default:
      return graphAsText(graph);
  }
}
