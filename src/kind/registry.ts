import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Digest } from '../util/digest.ts';
import type { FactTypes } from './fact-types.ts';
import type { StageKind } from './stage-kind.ts';

/** What of a kind's code decides its results. */
export interface CodeIdentity {
  /** Of the bundled code without comments and white space, and of the packages' names and exact versions. */
  readonly digest: Digest;
  /** Digest a source file, so that `why` can name the one that changed. */
  readonly files: Readonly<Record<string, string>>;
  /** Exact versions of the packages the code imports. */
  readonly packages: Readonly<Record<string, string>>;
}

/** A kind that was found by its `uses`. */
export interface ResolvedKind {
  /** `train`, or the path of a TypeScript file relative to the workspace root. */
  readonly name: string;
  readonly definition: StageKind;
  /** What an `expect:` may test; null where the kind does not tell. */
  readonly factTypes: FactTypes | null;
  /** Absolute path of the JavaScript module that a worker imports. */
  readonly module: string;
  readonly code: CodeIdentity;
  /** Of the named export `facts`, null where there is none. */
  readonly factsCode: Digest | null;
  /** Of the export `items` of `items.ts` beside the kind: what computes items that it shares; null where there is none. */
  readonly itemsCode: Digest | null;
}

/** Finds stage kinds. The only door between `uses:` and code. */
export interface KindRegistry {
  /** Names of the kinds that ship with orograph, sorted. `command` is not among them: it has no code. */
  readonly builtin: readonly string[];
  /**
   * @param uses a built-in name, or a path that starts with `./` or `../`, relative to `folder` (absolute).
   * Fails with diagnostics without a position; the caller knows where `uses` stands.
   */
  resolve(uses: string, folder: string, root: string): Promise<ResolvedKind | Diagnostic>;
}
