import type { Static, TObject } from 'typebox';
import type { Json, JsonObject } from '../util/json.ts';
import type { Artifact, ArtifactType } from './artifact.ts';

/** What an input of a kind accepts. */
export interface InputSpec {
  /** The artifact types that fit. */
  readonly type: ArtifactType | readonly ArtifactType[];
  /** May be left out. */
  readonly optional?: boolean;
  /** Takes a list of references; a reference to a whole matrix passes all its instances, in order. */
  readonly many?: boolean;
  /** Whether a single file fits, a folder of them, or either (default: `file`). */
  readonly shape?: 'file' | 'folder' | 'either';
  readonly description?: string;
}

/** What an output of a kind is. */
export interface OutputSpec {
  readonly type: ArtifactType;
  /** With a dot: `.safetensors`, `.json`, `.svg`. */
  readonly extension: string;
  /** A folder's members, where the parameters tell them: references to others are refused before anything runs. */
  readonly members?: readonly string[];
  /** A folder (several files by member name) instead of one file. Implied by `members`. */
  readonly folder?: boolean;
  readonly description?: string;
}

/** A file of the workspace or of the package that decides a stage's result: its content enters the key. */
export interface FileDependency {
  /** How the key names it; independent of this machine's folders. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
}

/** Numbers of resource tokens that a stage holds while it runs. */
export interface Resources {
  /** Cores. */
  readonly cpu: number;
  /** Megabytes; also bounds the worker's JavaScript heap where the pipeline states it. */
  readonly memory: number;
  readonly gpu: number;
}

/** Sub-results of a stage, remembered one by one: a stage that was killed goes on where it was. */
export interface Memo {
  /**
   * Computes `compute(item)` for each item whose key is not yet stored and stores each result as soon as it is done.
   * Results travel as JSON, also when they have just been computed (non-finite numbers are encoded; -0 becomes 0);
   * what JSON cannot say (undefined, typed arrays) is refused. The key is made of what `keyOf` returns, the stage
   * kind's code and version and the engine's identity: put everything else that decides the value into it, and nothing
   * that does not.
   */
  each<Item, Result>(
    items: readonly Item[],
    keyOf: (item: Item) => Json,
    compute: (item: Item, index: number) => Promise<Result>,
  ): Promise<Result[]>;
  /** The bytes stored under a key, or undefined. */
  get(key: Json): Promise<Uint8Array | undefined>;
  /** Stores bytes under a key: they outlive this process when it resolves, though a power cut may take the last ones. */
  put(key: Json, bytes: Uint8Array): Promise<void>;
  /**
   * The bytes stored under a key, computed where they are not there yet, by one stage at a time: another that wants the
   * same waits for it. `compute` must not ask for another shared item: two stages could wait for each other. The key is
   * made of the code in `items.ts` beside the kind instead of the kind's own, so that kinds whose `items.ts` reach the
   * same code share what it computes.
   */
  shared(key: Json, compute: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

/** What the engine of a stage is, as far as kinds need to know it. */
export interface EngineSpec {
  readonly name: 'wasm' | 'onnx' | 'tensorflow';
  /** Whatever may change bits: package version and settings. Part of the key. */
  readonly identity: JsonObject;
  /** Of the engine `onnx`, where the pipeline states them. */
  readonly onnx?: OnnxSettings;
  /** Cores that the stage holds while it runs. They decide no bits. */
  readonly cores?: number;
  /** Threads that the pipeline grants it (`resources: { cpu }`), where it says: of kernels of our own, they decide no bits. */
  readonly threads?: number;
}

/** What computes inside onnxruntime. */
export type OnnxProvider = 'cpu' | 'webgpu' | 'cuda';

export interface OnnxSettings {
  /** Default `cpu`. */
  readonly provider?: OnnxProvider;
  /** Threads of the processor. Default: one for each core. */
  readonly threads?: number;
}

/** Everything a stage may use while it runs. It has no other way to reach the outside. */
export interface StageContext<Params = JsonObject> {
  readonly params: Params;
  /** `many` inputs are lists, `optional` ones may be absent. */
  readonly inputs: Readonly<Record<string, Artifact | readonly Artifact[] | undefined>>;
  /** One artifact that must be there (of a `many` input: its only one). */
  input(name: string): Artifact;
  /** The artifacts of an input as a list: empty where an optional one was left out. */
  list(name: string): readonly Artifact[];
  /**
   * The path to write an output to (its folder exists). A member is given by its name without extension. Only
   * declared outputs are kept, all of them must have been written when `run` resolves.
   */
  output(name: string, member?: string): string;
  /** The instance's name, `curve[seed=1]`, for messages. */
  readonly stage: string;
  /** Workspace root, for datasets and files that the kind declared in `files`. */
  readonly root: string;
  readonly memo: Memo;
  readonly engine: EngineSpec;
  readonly resources: Resources;
  progress(done: number, total: number, unit: string, note?: string): void;
  log(text: string): void;
  readonly signal: AbortSignal;
}

/** Small named results that an `expect:` can test and the run's summary prints, e.g. `{ category: 'w-basin' }`. */
export type Facts = Record<string, Json>;

/**
 * The code that a stage `uses`. A kind is a folder `stages/<kind>/` whose `stage.ts` has it as default export, or a
 * TypeScript file of the user's. Whatever the default export reaches (comments and white space apart) is part of the
 * key; a separate named export `facts` is not.
 */
export interface StageKind<With extends TObject = TObject> {
  /** Raise it when results change for a reason that the code does not show (a library's bug fix, say). */
  readonly version: number;
  /** One sentence for `orograph schema` and the documentation. */
  readonly summary: string;
  /** The parameters' schema (typebox): unknown ones are refused, defaults are filled in before the key is made. */
  readonly with: With;
  /** Inputs by name. The name `*` stands for any further names (a user's own wiring). */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Outputs by name; a function where the parameters decide. */
  readonly outputs:
    | Readonly<Record<string, OutputSpec>>
    | ((params: Static<With>) => Readonly<Record<string, OutputSpec>>);
  /** Whether it computes tensors: then the engine's identity is part of the key. Default false. */
  readonly engine?: boolean;
  readonly resources?: Partial<Resources>;
  /** Files that decide the result besides the inputs, a dataset's for example. */
  readonly files?: (params: Static<With>, root: string) => readonly FileDependency[];
  /**
   * Checks across parameters that a schema cannot say, `inputs` being the names of the inputs that the stage is given;
   * returns messages by JSON pointer into `with`.
   */
  readonly check?: (
    params: Static<With>,
    inputs: readonly string[],
  ) => readonly { readonly pointer: string; readonly message: string }[];
  readonly run: (context: StageContext<Static<With>>) => Promise<void>;
}

/** The type of a kind's optional named export `facts`: reads the finished outputs, cheaply. */
export type FactsOf = (outputs: Readonly<Record<string, Artifact>>) => Promise<Facts>;

/** Declares a stage kind; it only gives TypeScript the types. */
export function defineStage<const With extends TObject>(kind: StageKind<With>): StageKind<With> {
  return kind;
}
