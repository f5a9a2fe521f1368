import type { JsonObject } from '../util/json.ts';
import type { Forecast, PipelineOptions, Preview } from './contract.ts';
import { matchesForce } from './force.ts';
import { reasonsToRun } from './reasons.ts';
import { Resolution } from './resolution.ts';
import { openSession, type Session } from './session.ts';

/** What a run would do, and why. Runs nothing and changes nothing but caches of digests. */
export async function previewPipeline(options: PipelineOptions): Promise<Preview> {
  const session = await openSession(options, 'read');
  try {
    return await previewSession(session, options.force ?? []);
  } finally {
    session.store.close();
  }
}

export async function previewSession(session: Session, force: readonly string[]): Promise<Preview> {
  const { plan, store } = session;
  const resolution = await Resolution.open(session);
  const forced = matchesForce(plan, force);
  const latest = store.latest(plan.pipeline);
  const stages: Forecast[] = [];
  for (const instance of plan.instances) {
    const { id, kind } = instance;
    const key = resolution.key(instance);
    if (key === null) {
      const waitsFor = Object.values(instance.inputs)
        .flatMap((binding) => [...binding.sources])
        .flatMap((source) =>
          source.from === 'stage' && !resolution.rows.has(source.instance) ? [source.instance] : [],
        );
      const reasons = [...new Set(waitsFor)].map((stage) => `waits for ${stage}`);
      stages.push({ id, kind, status: 'unknown', reasons, key, parts: null, row: null });
      continue;
    }
    const row = forced.has(id) ? undefined : store.lookup(key);
    const parts = resolution.parts(instance);
    if (row) resolution.rows.set(id, row);
    stages.push({
      id,
      kind,
      status: row ? 'cached' : 'will-run',
      reasons: row ? [] : reasonsToRun(key, () => parts, latest.get(id), forced.has(id)),
      key,
      parts: parts as unknown as JsonObject,
      row: row ?? null,
    });
  }
  return { plan, engine: session.engines.join(', ') || 'none', stages };
}
