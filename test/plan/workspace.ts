import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatDiagnostics } from '../../src/diagnostics/format.ts';
import { type Planned, planPipeline } from '../../src/plan/plan-pipeline.ts';
import { fastFolder } from '../support/fast-folder.ts';
import { kindsInMemory } from '../support/kinds.ts';

export interface Settings {
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly names?: readonly string[];
}

const registry = kindsInMemory();

/** Plans `pipeline.yaml` among the given files, in a folder of its own that is gone afterwards. */
export async function planFiles(
  files: Readonly<Record<string, string>>,
  settings: Settings = {},
): Promise<Planned> {
  const root = mkdtempSync(join(fastFolder, 'orograph-plan-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    return await planPipeline({ file: 'pipeline.yaml', root, cwd: root, registry, env: {}, ...settings });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export function plan(text: string, settings?: Settings): Promise<Planned> {
  return planFiles({ 'pipeline.yaml': text }, settings);
}

/** The plan of a pipeline that must be good. */
export async function goodPlan(text: string, settings?: Settings) {
  const planned = await plan(text, settings);
  if (!planned.plan) throw new Error(formatDiagnostics(planned.diagnostics, planned));
  return planned.plan;
}

/** What the user reads, with a newline before and after so that snapshots stand on lines of their own. */
export async function told(
  text: string | Readonly<Record<string, string>>,
  settings?: Settings,
): Promise<string> {
  const planned = await planFiles(typeof text === 'string' ? { 'pipeline.yaml': text } : text, settings);
  return `\n${formatDiagnostics(planned.diagnostics, planned)}\n`;
}

/** A pipeline with these stages, and a model and a direction to refer to. */
export function withStages(stages: string, head = ''): string {
  return `pipeline: p
${head}stages:
  model:
    uses: train
    matrix: { seed: [1, 2], network: [mlp, resnet20] }
    with: { network: "\${{ matrix.network }}", epochs: 10, seed: "\${{ matrix.seed }}" }
  towards:
    uses: directions
    inputs: { model: "model[seed=1,network=mlp].checkpoints/10" }
    with: { kind: gaussian }
${stages}`;
}
