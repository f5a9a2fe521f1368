import type { Difference } from '../fingerprint/differences.ts';
import type { KeyParts } from '../fingerprint/key.ts';
import { selectInstances } from '../plan/select.ts';
import type { StageKey } from '../util/digest.ts';
import type { Forecast, PipelineOptions } from './contract.ts';
import { previewSession } from './preview.ts';
import { changes } from './reasons.ts';
import { openSession } from './session.ts';

/** One instance, compared with the newest run of it. */
export interface Explanation {
  readonly forecast: Forecast;
  /** Key of the newest run; null where the stage never ran. */
  readonly newest: StageKey | null;
  /** Empty where nothing changed or nothing is known to compare. */
  readonly differences: readonly Difference[];
}

/** Why a stage will run, or why not: each of its instances, field by field. */
export async function explainStage(options: PipelineOptions, stage: string): Promise<Explanation[]> {
  const session = await openSession({ ...options, stages: [stage] });
  try {
    const chosen = new Set(selectInstances(session.plan, [stage]).map((instance) => instance.id));
    const { stages } = await previewSession(session, []);
    const latest = session.store.latest(session.plan.pipeline);
    return stages
      .filter((forecast) => chosen.has(forecast.id))
      .map((forecast) => {
        const before = latest.get(forecast.id);
        const comparable = before && forecast.parts && before.key !== forecast.key;
        return {
          forecast,
          newest: before?.key ?? null,
          differences: comparable ? changes(forecast.parts as unknown as KeyParts, before) : [],
        };
      });
  } finally {
    session.store.close();
  }
}
