import { existsSync } from 'node:fs';
import type { Difference } from '../fingerprint/differences.ts';
import type { KeyParts } from '../fingerprint/key.ts';
import { selectInstances } from '../plan/select.ts';
import { logPath } from '../store/logs.ts';
import type { StageKey } from '../util/digest.ts';
import type { Forecast, PipelineOptions } from './contract.ts';
import { type LastRun, readLastRun } from './last-run.ts';
import { previewSession } from './preview.ts';
import { changes } from './reasons.ts';
import { openSession } from './session.ts';

/** One instance, compared with the newest run of it. */
export interface Explanation {
  readonly forecast: Forecast;
  /** Key of the newest run; null where the stage never finished. */
  readonly newest: StageKey | null;
  /** Empty where nothing changed or nothing is known to compare. */
  readonly differences: readonly Difference[];
  /** Where the newest run of the pipeline tried it with this key, and it failed. */
  readonly failure: { readonly message: string; readonly at: string; readonly log: string | null } | null;
}

/** Why a stage will run, or why not: each of its instances, field by field. */
export async function explainStage(options: PipelineOptions, stage: string): Promise<Explanation[]> {
  const session = await openSession({ ...options, stages: [stage] }, 'read');
  try {
    const chosen = new Set(selectInstances(session.plan, [stage]).map((instance) => instance.id));
    const { stages } = await previewSession(session, []);
    const latest = session.store.latest(session.plan.pipeline);
    const { artifacts } = options.workspace;
    const lastRun = readLastRun(artifacts, session.plan.pipeline);
    return stages
      .filter((forecast) => chosen.has(forecast.id))
      .map((forecast) => {
        const before = latest.get(forecast.id);
        const comparable = before && forecast.parts && before.key !== forecast.key;
        return {
          forecast,
          newest: before?.key ?? null,
          failure: failureOf(forecast, lastRun, options.workspace.cache),
          differences: comparable ? changes(forecast.parts as unknown as KeyParts, before) : [],
        };
      });
  } finally {
    session.store.close();
  }
}

function failureOf({ id, key }: Forecast, lastRun: LastRun | null, cache: string): Explanation['failure'] {
  const stage = lastRun?.stages.find((stage) => stage.id === id);
  if (stage?.status !== 'failed' || key === null || stage.key !== key) return null;
  const log = logPath(cache, key);
  return {
    message: stage.message ?? '',
    at: stage.from?.finishedAt ?? lastRun!.finishedAt,
    log: existsSync(log) ? log : null,
  };
}
