import type { ExitCode } from '../diagnostics/diagnostic.ts';
import type { Subscriber } from '../events/event.ts';
import type { Plan } from '../plan/plan.ts';
import type { MemoRow } from '../store/contract.ts';
import type { StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';

/** Where a command works. Found by `findWorkspace` (workspace.ts). */
export interface Workspace {
  /** Nearest parent of the current folder with `orograph.config.yaml`, else the current folder. Absolute. */
  readonly root: string;
  /** Absolute paths; default `<root>/cache` and `<root>/artifacts`. */
  readonly cache: string;
  readonly artifacts: string;
  /** Stages at once; default: the number of cores. */
  readonly jobs: number;
}

/** What every verb that reads a pipeline needs. */
export interface PipelineOptions {
  readonly workspace: Workspace;
  /** Path of the pipeline file as given, from `cwd`. */
  readonly file: string;
  readonly cwd: string;
  readonly profile?: string;
  readonly set?: readonly string[];
  readonly engine?: string;
  /** Only these stages and what they need: `curve`, `curve[seed=1]`. */
  readonly stages?: readonly string[];
  /** Stages to run although the memo knows them. */
  readonly force?: readonly string[];
}

export interface RunOptions extends PipelineOptions {
  readonly keepGoing?: boolean;
  readonly strictExpect?: boolean;
  readonly subscriber: Subscriber;
  /** Aborted by the first Ctrl-C: running stages are stopped, what is finished is kept, the run ends in order. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly executed: number;
  readonly cached: number;
  readonly failed: number;
  readonly skipped: number;
  readonly interrupted: boolean;
  readonly expectationsMissed: number;
  readonly exitCode: ExitCode;
  /** Path of `run.json`. */
  readonly record: string | null;
}

/** What a run would do with one stage, and why. */
export interface Forecast {
  readonly id: string;
  readonly kind: string;
  /** `unknown`: a stage before it will run, so its inputs are not known yet. */
  readonly status: 'cached' | 'will-run' | 'unknown';
  /** "never finished", "with.epochs 10 -> 50", "input model.checkpoints/10 3fa2… -> 9be1…", "waits for model[seed=1]". */
  readonly reasons: readonly string[];
  /** Null where the status is `unknown`. */
  readonly key: StageKey | null;
  readonly parts: JsonObject | null;
  readonly row: MemoRow | null;
}

/** The answer of `plan`, `why`, `status`, `show`: nothing has run, nothing was written. */
export interface Preview {
  readonly plan: Plan;
  readonly engine: string;
  readonly stages: readonly Forecast[];
}
