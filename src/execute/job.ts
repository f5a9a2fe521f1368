import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { ItemScope } from '../fingerprint/key.ts';
import type { Artifact } from '../kind/artifact.ts';
import type { EngineSpec, Facts, OutputSpec, Resources } from '../kind/stage-kind.ts';
import type { StoreProblem } from '../store/contract.ts';
import type { StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';

/** What a worker is told to do: one run of one kind, or the facts of outputs that are already there. Plain data. */
export interface Job {
  readonly id: number;
  readonly action: 'run' | 'facts';
  readonly stage: string;
  readonly key: StageKey;
  /** The build of orograph that made the keys; null where it runs from its sources. */
  readonly build: string | null;
  /** Absolute path of the kind's module. */
  readonly module: string;
  readonly params: JsonObject;
  readonly inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>;
  readonly outputs: Readonly<Record<string, OutputSpec>>;
  /** The folder to write outputs into; see `outputPath`. */
  readonly folder: string;
  readonly root: string;
  readonly cache: string;
  readonly scope: ItemScope;
  /** Of items that other kinds use too. */
  readonly shared: ItemScope;
  readonly engine: EngineSpec | null;
  readonly resources: Resources;
  /** The declared variables: of others the stage sees only those that `environment.ts` lets through. */
  readonly env: Readonly<Record<string, string | null>>;
  /** For `facts`: the outputs as artifacts. */
  readonly stored: Readonly<Record<string, Artifact>> | null;
}

export type ToWorker = { readonly type: 'job'; readonly job: Job } | { readonly type: 'abort' };

export type FromWorker =
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly note?: string;
    }
  /** Before a job's answer: what of the cache its process found lost, of which only it knows. */
  | { readonly type: 'losses'; readonly losses: readonly StoreProblem[] }
  | { readonly type: 'done'; readonly facts: Facts | null; readonly residentMegabytes: number }
  | {
      readonly type: 'failed';
      readonly message: string;
      readonly hint?: string;
      readonly details: string;
      readonly diagnostics?: readonly Diagnostic[];
    };

/** A line that a worker writes to stdout and stderr when a job ends, so that no output counts for the next one. */
export function endMarker(id: number): string {
  return `\u0000orograph ${id}\u0000\n`;
}
