import { resolve } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { UserError } from '../diagnostics/diagnostic.ts';
import { type InputPart, type KeyParts, keyFormat, outputsOf, stageKey } from '../fingerprint/key.ts';
import type { Artifact, StoredFile, StoredOutput } from '../kind/artifact.ts';
import type { Instance, Source } from '../plan/plan.ts';
import type { MemoRow } from '../store/contract.ts';
import type { Digest, StageKey } from '../util/digest.ts';
import type { Session } from './session.ts';

/** Type of a file that a pipeline names. */
const fileType = 'file';

/** An instance whose inputs are all known. */
export interface Keyed {
  readonly instance: Instance;
  readonly key: StageKey;
}

/**
 * What is known so far in a run: the result of each instance that is done, and from it the keys of those that can be
 * looked up. Refuses to know how a missing result is made.
 */
export class Resolution {
  readonly rows = new Map<string, MemoRow>();
  readonly keys = new Map<string, StageKey>();
  readonly #session: Session;
  readonly #files: Map<string, StoredFile>;
  readonly #paths = new Map<string, string>();

  private constructor(session: Session, files: Map<string, StoredFile>) {
    this.#session = session;
    this.#files = files;
  }

  /** Takes the digests of every file the plan reads: before anything starts. */
  static async open(session: Session): Promise<Resolution> {
    const { plan, facets, store } = session;
    const places = new Map<string, Instance>();
    for (const instance of plan.instances) {
      for (const binding of Object.values(instance.inputs)) {
        for (const source of binding.sources) {
          if (source.from === 'file') places.set(resolve(plan.root, source.path), instance);
        }
      }
      for (const file of facets.get(instance.id)!.files) places.set(file.path, instance);
    }
    const paths = [...places.keys()];
    const digests = paths.length > 0 ? await store.fileDigests(paths) : [];
    const files = new Map<string, StoredFile>();
    const problems: Diagnostic[] = [];
    for (const [i, path] of paths.entries()) {
      const digest = digests[i];
      if (digest) files.set(path, digest);
      else
        problems.push({
          severity: 'error',
          code: 'missing-file',
          message: `there is no file ${path}`,
          at: places.get(path)!.at,
        });
    }
    if (problems.length > 0) throw new UserError(problems);
    return new Resolution(session, files);
  }

  /** The key, or null while an input is not known. */
  key(instance: Instance): StageKey | null {
    const known = this.keys.get(instance.id);
    if (known) return known;
    const inputs: Record<string, InputPart[]> = {};
    for (const [name, binding] of Object.entries(instance.inputs)) {
      const list: InputPart[] = [];
      for (const source of binding.sources) {
        const digest = this.#digestOf(source);
        if (digest === null) return null;
        list.push({ digest, form: this.#formOf(source, instance), label: '' });
      }
      inputs[name] = list;
    }
    const facet = this.#session.facets.get(instance.id)!;
    const key = stageKey(facet.definitionHash, {
      code: facet.code?.code ?? null,
      inputs,
      files: this.#kindFiles(instance),
      engine: facet.engine?.identity ?? null,
    });
    this.keys.set(instance.id, key);
    return key;
  }

  /** The parts of a key, for `why` and for the record. All inputs must be known. */
  parts(instance: Instance): KeyParts {
    const facet = this.#session.facets.get(instance.id)!;
    return {
      format: keyFormat,
      kind: instance.kind,
      version: facet.version,
      code: facet.code?.code ?? null,
      with: instance.params,
      outputs: outputsOf(instance),
      inputs: Object.fromEntries(
        Object.entries(instance.inputs).map(([name, binding]) => [
          name,
          binding.sources.map((source) => ({
            digest: this.#digestOf(source)!,
            form: this.#formOf(source, instance),
            label: labelOf(source),
          })),
        ]),
      ),
      files: this.#kindFiles(instance),
      engine: facet.engine?.identity ?? null,
      env: instance.env,
    };
  }

  /** What the stage sees. All inputs must be known. */
  artifacts(instance: Instance): Record<string, Artifact | Artifact[]> {
    return Object.fromEntries(
      Object.entries(instance.inputs).map(([name, { many, sources }]) => {
        const list = sources.map((source, i) => this.#artifact(source, many ? `${name}[${i}]` : name));
        return [name, many ? list : list[0]!];
      }),
    );
  }

  /** Extension of the file behind each source of a program, by the artifact's label. */
  extensions(instance: Instance): Map<string, string> {
    const extensions = new Map<string, string>();
    for (const [name, { many, sources }] of Object.entries(instance.inputs)) {
      for (const [i, source] of sources.entries()) {
        extensions.set(many ? `${name}[${i}]` : name, this.#formOf(source, instance));
      }
    }
    return extensions;
  }

  /** The files that changed since their digests were taken: what was computed from them is not what the key says. */
  async changedFiles(instance: Instance): Promise<string[]> {
    const paths = [
      ...Object.values(instance.inputs)
        .flatMap((binding) => [...binding.sources])
        .flatMap((source) => (source.from === 'file' ? [this.#absolute(source.path)] : [])),
      ...this.#session.facets.get(instance.id)!.files.map((file) => file.path),
    ];
    if (paths.length === 0) return [];
    const now = await this.#session.store.fileDigests(paths);
    return paths.filter((path, i) => now[i]?.digest !== this.#files.get(path)!.digest);
  }

  /** Asked for several times an instance. */
  #absolute(path: string): string {
    let absolute = this.#paths.get(path);
    if (absolute === undefined) this.#paths.set(path, (absolute = resolve(this.#session.plan.root, path)));
    return absolute;
  }

  #kindFiles(instance: Instance): Record<string, Digest> {
    const { files } = this.#session.facets.get(instance.id)!;
    return Object.fromEntries(files.map((file) => [file.name, this.#files.get(file.path)!.digest]));
  }

  /** What the stage sees of a source besides its content. */
  #formOf(source: Source, instance: Instance): string {
    const program = instance.kind === 'command';
    if (source.from === 'file') return program ? (/\.[A-Za-z0-9]+$/.exec(source.path)?.[0] ?? '') : fileType;
    const { extension, type } = this.rows.get(source.instance)!.outputs[source.output]!;
    return program ? extension : type;
  }

  #digestOf(source: Source): Digest | null {
    if (source.from === 'file') return this.#files.get(this.#absolute(source.path))!.digest;
    const row = this.rows.get(source.instance);
    if (!row) return null;
    const output = row.outputs[source.output]!;
    return source.member === null ? output.digest : memberOf(output, source).digest;
  }

  #artifact(source: Source, label: string): Artifact {
    if (source.from === 'file') {
      const path = this.#absolute(source.path);
      const { digest } = this.#files.get(path)!;
      return { label, type: fileType, digest, folder: false, path, members: [{ name: '', path, digest }] };
    }
    const output = this.rows.get(source.instance)!.outputs[source.output]!;
    if (source.member !== null) {
      const file = memberOf(output, source);
      const path = this.#session.store.objectPath(file.digest);
      const { digest } = file;
      return { label, type: output.type, digest, folder: false, path, members: [{ name: '', path, digest }] };
    }
    return artifactOf(this.#session, label, output);
  }
}

/** A whole output as an artifact. */
export function artifactOf(session: Session, label: string, output: StoredOutput): Artifact {
  const members = Object.entries(output.members).map(([name, file]) => ({
    name,
    path: session.store.objectPath(file.digest),
    digest: file.digest,
  }));
  const { type, digest, folder } = output;
  return { label, type, digest, folder, path: folder ? undefined : members[0]!.path, members };
}

function memberOf(output: StoredOutput, source: Extract<Source, { from: 'stage' }>): StoredFile {
  const file = output.members[source.member!];
  if (file) return file;
  throw new UserError(
    {
      severity: 'error',
      code: 'unknown-member',
      message: `${source.instance}.${source.output} has no member "${source.member}"`,
      expected: `one of ${Object.keys(output.members).join(', ')}`,
    },
    1,
  );
}

export function labelOf(source: Source): string {
  if (source.from === 'file') return source.path;
  return `${source.instance}.${source.output}${source.member === null ? '' : `/${source.member}`}`;
}
