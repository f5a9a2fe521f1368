import type { Digest } from '../util/digest.ts';

/**
 * What an artifact is, so that a pipeline that wires a figure into a network is refused before anything runs.
 * `file` is any file: it fits every input of type `file`, and a user's own stage may take anything as `file`.
 */
export const artifactTypes = [
  'file',
  'checkpoint',
  'direction',
  'curves',
  'categories',
  'table',
  'figure',
] as const;
export type ArtifactType = (typeof artifactTypes)[number];

/** One stored file. `path` is readable until the run ends, and read-only. */
export interface StoredFile {
  readonly digest: Digest;
  readonly bytes: number;
}

/** One output of one stage, as the memo table remembers it. */
export interface StoredOutput {
  readonly type: ArtifactType;
  /**
   * A single file is `{ '': file }`; a folder has one entry a member, by its name without extension
   * (`checkpoints/10` is the member `10` of `checkpoints`).
   */
  readonly members: Readonly<Record<string, StoredFile>>;
  readonly folder: boolean;
  /** File name extension with its dot, for the published copies: `.safetensors`. May be empty. */
  readonly extension: string;
  /** Content digest of the whole: the file's own, or that of the sorted list of members and their digests. */
  readonly digest: Digest;
}

/** What a stage receives for one reference: an output, or one member of it, with paths it can read. */
export interface Artifact {
  /** The input's name and place, `model` or `panels[2]`: part of the key, so it may decide results. */
  readonly label: string;
  readonly type: ArtifactType;
  readonly digest: Digest;
  readonly folder: boolean;
  /** The file to read; of a folder, undefined. */
  readonly path: string | undefined;
  /** Of a folder its members in declared order; of a file just itself under its own name or ''. */
  readonly members: readonly { readonly name: string; readonly path: string; readonly digest: Digest }[];
}
