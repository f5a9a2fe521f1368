import type { Position } from '../diagnostics/diagnostic.ts';
import type { EngineSpec, OnnxProvider, OutputSpec, Resources } from '../kind/stage-kind.ts';
import type { Json, JsonObject } from '../util/json.ts';

/**
 * A pipeline, resolved: templates substituted, matrices expanded, references checked, in topological order. A plan is
 * plain JSON, so that it can be stored, compared and sent.
 */
export interface Plan {
  readonly pipeline: string;
  readonly title: string | null;
  /** The pipeline file, relative to the workspace root where it lies inside it. */
  readonly file: string;
  /** Absolute path of the workspace root. */
  readonly root: string;
  readonly profile: string | null;
  /** Parameters after profile and `--set`. */
  readonly params: JsonObject;
  /** As declared: resolved to an engine when a run starts. */
  readonly engine: EngineChoice;
  /** Dependencies come before dependents. */
  readonly instances: readonly Instance[];
  /** Every pipeline file that was read, with its text: the provenance record needs them. */
  readonly sources: readonly { readonly path: string; readonly text: string }[];
}

export interface EngineChoice {
  readonly name: 'auto' | EngineSpec['name'];
  /** Of the engine `onnx`. */
  readonly provider?: OnnxProvider;
}

/** One stage with its matrix values filled in. */
export interface Instance {
  /** `curve`, or `curve[seed=1,model=mlp]` in the order of the axes. Unique in the plan. */
  readonly id: string;
  /** The stage it came from, with its include prefix: `base.curve`. */
  readonly stage: string;
  readonly axes: JsonObject;
  /** `train`, `command`, or the path of a TypeScript file relative to the workspace root (`./my-stage.ts`). */
  readonly kind: string;
  /** The kind's `with`, templates substituted, defaults filled in. For `command`: `{ command, outputs }`, outputs by name the file it writes. */
  readonly params: JsonObject;
  /** In the order of declaration, which means nothing: keys sort by name. */
  readonly inputs: Readonly<Record<string, Binding>>;
  readonly outputs: Readonly<Record<string, OutputSpec>>;
  /** Declared environment variables with their values now (null: not set). Part of the key. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Whether the kind computes tensors, and so needs an engine. */
  readonly tensors: boolean;
  readonly resources: Resources;
  /** Seconds, or null for no limit. */
  readonly timeout: number | null;
  readonly retries: number;
  /** Fact name to expected value; a list means any of them. Never part of a key. */
  readonly expect: Readonly<Record<string, Json>>;
  /** Folder of the published copies under `artifacts/<pipeline>/`: `curve/seed=1`. */
  readonly folder: string;
  readonly at: Position;
  /** Where the stage asks for another engine than the plan's. */
  readonly engine?: EngineChoice;
  /** Cores, where the stage computes tensors and states them: then they may decide bits. */
  readonly threads?: number;
  /** Words for people, where there are any. In no key. */
  readonly about?: { readonly title?: string; readonly description?: string; readonly caption?: string };
}

/** What feeds one input. */
export interface Binding {
  /** Whether the stage sees a list. */
  readonly many: boolean;
  readonly sources: readonly Source[];
}

export type Source =
  | {
      readonly from: 'stage';
      readonly instance: string;
      readonly output: string;
      readonly member: string | null;
    }
  /** `path` is relative to the workspace root where it lies inside it. */
  | { readonly from: 'file'; readonly path: string };
