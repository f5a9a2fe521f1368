import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageKey } from '../util/digest.ts';

export type RunStatus = 'executed' | 'cached' | 'failed' | 'skipped';

/** What the record of the newest run says of one stage. */
interface RecordedStage {
  readonly id: string;
  readonly status: RunStatus;
  /** Why it failed. */
  readonly message?: string;
  /** Of a stage that was skipped, none. */
  readonly key?: StageKey;
  readonly expectations?: readonly { readonly held: boolean }[];
  /** Of a stage that the newest run did not ask for: the run that this is of. */
  readonly from?: { readonly run: string; readonly finishedAt: string };
}

export interface LastRun {
  readonly run: string;
  readonly finishedAt: string;
  readonly stages: readonly RecordedStage[];
}

/**
 * The newest run of a pipeline as its `run.json` tells it; null where it never ran, or where the record was removed or
 * damaged: the artifacts folder is the user's.
 */
export function readLastRun(artifacts: string, pipeline: string): LastRun | null {
  try {
    const record = JSON.parse(readFileSync(join(artifacts, pipeline, 'run.json'), 'utf8')) as LastRun;
    return Array.isArray(record.stages) ? record : null;
  } catch {
    return null;
  }
}
