import type { CodeIdentity } from '../kind/registry.ts';
import type { EngineSpec } from '../kind/stage-kind.ts';
import type { Instance } from '../plan/plan.ts';
import { type Digest, digestOf, type ItemKey, type StageKey } from '../util/digest.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { hashOfValue } from './value-hash.ts';

/**
 * Stage keys: the hash that decides whether a stage must run.
 *
 * Knows: what belongs into a key, and why. Refuses to know where digests come from, and what a key gave.
 *
 * A key is a shallow constructive trace (Mokhov, Mitchell, Peyton Jones 2018): it is made of the CONTENT of the
 * inputs, never of the keys of their producers. So early cutoff is free: a stage that runs again and gives the same
 * bytes makes nothing after it run.
 */
export const keyFormat = 1;

/** Rules by which a program is run: the version of the kind `command`, which has no code of its own. */
export const commandVersion = 1;

/** One artifact of an input, as a key sees it. */
export interface InputPart {
  readonly digest: Digest;
  /** What the stage sees besides the content: a program the extension in its name, a kind its type. */
  readonly form: string;
  /** Where it came from: for people, not part of the key. */
  readonly label: string;
}

/** What a key is made of. Stored beside the key so that `why` can compare field by field. */
export interface KeyParts {
  /** The rules on this page: changed rules must not be taken for the old ones. */
  readonly format: number;
  /** Different code under the same parameters is a different computation. */
  readonly kind: string;
  /** The kind's author may declare a change of results that the code does not show. */
  readonly version: number;
  /** The code itself, blind to comments and white space; null for `command`, whose code is its text in `with`. */
  readonly code: CodeIdentity | null;
  /** Parameters after defaults: a default that changes in a later release changes the key, as it must. */
  readonly with: JsonObject;
  /** Names and shapes of the outputs: a renamed file is a different artifact to whoever reads it. */
  readonly outputs: JsonObject;
  /** Content by input name, in order. */
  readonly inputs: Readonly<Record<string, readonly InputPart[]>>;
  /** Content of the files that the kind itself reads, a dataset's for example, by a name free of machine paths. */
  readonly files: Readonly<Record<string, Digest>>;
  /** Engines differ in the last bits; null where the kind computes no tensors. */
  readonly engine: EngineSpec['identity'] | null;
  /** Declared environment variables reach the stage, so they can decide its result. */
  readonly env: Readonly<Record<string, string | null>>;
}

/**
 * The part of a key that the plan alone decides. Hashing values is the slow half of making a key, and this hash is
 * stored with a cached plan.
 */
export function hashOfDefinition(instance: Instance, version: number): string {
  const many = Object.fromEntries(
    Object.entries(instance.inputs).map(([name, binding]) => [name, binding.many]),
  );
  return hashOfValue({
    kind: instance.kind,
    version,
    with: instance.params,
    outputs: outputsOf(instance),
    // Whether the stage sees a list or a single artifact, even where the content is the same.
    many,
    env: instance.env,
  });
}

/** Name, type, extension and shape of each output; descriptions are for people. */
export function outputsOf(instance: Instance): JsonObject {
  return Object.fromEntries(
    Object.entries(instance.outputs).map(([name, spec]) => [
      name,
      {
        type: spec.type,
        extension: spec.extension,
        folder: spec.folder ?? spec.members !== undefined,
        members: spec.members ? [...spec.members] : null,
      },
    ]),
  );
}

/** Composes the key from hashes, one line each; names hold no white space, so the text is unambiguous. */
export function stageKey(
  definition: string,
  parts: Pick<KeyParts, 'code' | 'inputs' | 'files' | 'engine'>,
): StageKey {
  const lines = [
    `orograph-key/${keyFormat}`,
    `definition ${definition}`,
    `code ${parts.code?.digest ?? '-'}`,
    `engine ${parts.engine ? hashOfEngine(parts.engine) : '-'}`,
  ];
  for (const name of Object.keys(parts.inputs).sort()) {
    lines.push(`input ${name}`);
    for (const { digest, form } of parts.inputs[name]!) lines.push(`${digest} ${JSON.stringify(form)}`);
  }
  for (const name of Object.keys(parts.files).sort())
    lines.push(`file ${JSON.stringify(name)} ${parts.files[name]}`);
  return digestOf(lines.join('\n')) as string as StageKey;
}

const engineHashes = new WeakMap<object, string>();
function hashOfEngine(identity: JsonObject): string {
  let hash = engineHashes.get(identity);
  if (!hash) engineHashes.set(identity, (hash = hashOfValue(identity)));
  return hash;
}

/** What the items of one stage have in common: everything but the item itself. */
export interface ItemScope {
  readonly kind: string;
  readonly version: number;
  readonly code: Digest;
  readonly engine: EngineSpec['identity'] | null;
}

/**
 * Key of a sub-result inside a stage. The stage's parameters and inputs are NOT in it: the kind says by `item` what
 * decides the value, so that two stages, or two versions of a pipeline, share what is the same.
 */
export function itemKey(scope: ItemScope, item: Json): ItemKey {
  return hashOfValue({ format: keyFormat, ...scope, item } as unknown as Json) as unknown as ItemKey;
}
