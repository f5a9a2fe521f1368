import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import type { Artifact } from '../../src/kind/artifact.ts';
import type { EngineSpec, Memo, OutputSpec, StageContext, StageKind } from '../../src/kind/stage-kind.ts';
import { type Digest, digestOf } from '../../src/util/digest.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { setWorkspaceRoot } from '../../src/util/workspace-root.ts';
import { testEngine } from './engine.ts';
import { scratchFolder } from './scratch-folder.ts';

/** A memo in memory that counts: items are kept as bytes, as in the store. */
export class MemoryMemo implements Memo {
  readonly items = new Map<string, Uint8Array>();
  computed = 0;
  async each<Item, Result>(
    items: readonly Item[],
    keyOf: (item: Item) => unknown,
    compute: (item: Item, index: number) => Promise<Result>,
  ): Promise<Result[]> {
    const results: Result[] = [];
    for (const [i, item] of items.entries()) {
      const key = JSON.stringify(keyOf(item));
      let bytes = this.items.get(key);
      if (!bytes) {
        const text = JSON.stringify(await compute(item, i), (_, value) =>
          typeof value === 'number' && !Number.isFinite(value) ? { nonFinite: String(value) } : value,
        );
        this.computed++;
        this.items.set(key, (bytes = new TextEncoder().encode(text)));
      }
      results.push(
        JSON.parse(new TextDecoder().decode(bytes), (_, value) =>
          value?.nonFinite === undefined ? value : Number(value.nonFinite),
        ),
      );
    }
    return results;
  }
  async get(key: unknown): Promise<Uint8Array | undefined> {
    return this.items.get(JSON.stringify(key));
  }
  async put(key: unknown, bytes: Uint8Array): Promise<void> {
    this.items.set(JSON.stringify(key), bytes.slice());
  }
  async shared(key: unknown, compute: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = await this.get(key);
    if (known) return known;
    await this.put(key, await compute());
    return (await this.get(key))!;
  }
}

export interface HarnessOptions {
  /** A list for an input that takes several. */
  readonly inputs?: Readonly<Record<string, Artifact | readonly Artifact[]>>;
  readonly memo?: Memo;
  readonly root?: string;
  /** Default: that of tests. */
  readonly engine?: EngineSpec;
  readonly signal?: AbortSignal;
  /** Called at each progress report. */
  readonly progress?: (done: number) => void;
}

/** Runs a stage kind outside a pipeline, in this process, and gives its outputs as a later stage would see them. */
export async function runKind<With extends TObject>(
  kind: StageKind<With>,
  params: Record<string, unknown>,
  options: HarnessOptions = {},
): Promise<Record<string, Artifact>> {
  const full = Value.Default(kind.with, structuredClone(params)) as Static<With>;
  Value.Assert(kind.with, full);
  const problems = kind.check?.(full, Object.keys(options.inputs ?? {})) ?? [];
  if (problems.length > 0) throw new Error(problems.map((p) => `${p.pointer}: ${p.message}`).join('; '));
  const specs = typeof kind.outputs === 'function' ? kind.outputs(full) : kind.outputs;
  const folder = scratchFolder('stage');
  const inputs = options.inputs ?? {};
  const isFolder = (spec: OutputSpec): boolean => spec.folder === true || spec.members !== undefined;
  const context: StageContext<Static<With>> = {
    params: full,
    inputs,
    input: (name) => [inputs[name]!].flat()[0]!,
    list: (name) => (inputs[name] ? [inputs[name]].flat() : []),
    output(name, member) {
      const spec = specs[name]!;
      if (member !== undefined) mkdirSync(join(folder, name), { recursive: true });
      return join(folder, member === undefined ? name + spec.extension : join(name, member + spec.extension));
    },
    stage: 'test',
    root: options.root ?? packageRoot(),
    memo: options.memo ?? new MemoryMemo(),
    engine: options.engine ?? testEngine(),
    resources: { cpu: 1, memory: 1024, gpu: 0 },
    progress: (done) => options.progress?.(done),
    log: () => {},
    signal: options.signal ?? new AbortController().signal,
  };
  setWorkspaceRoot(context.root);
  await kind.run(context);
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const at = join(folder, name);
      const names = spec.members ?? (isFolder(spec) ? readdirSync(at).sort() : ['']);
      const members = names.map((member) =>
        fileArtifact(member === '' ? at + spec.extension : join(at, member + spec.extension), member),
      );
      return [
        name,
        {
          label: name,
          type: spec.type,
          folder: isFolder(spec),
          path: isFolder(spec) ? undefined : at + spec.extension,
          digest: digestOf(members.map(({ digest }) => digest).join()),
          members,
        },
      ];
    }),
  );
}

function fileArtifact(path: string, name: string): { name: string; path: string; digest: Digest } {
  return { name, path, digest: digestOf(readFileSync(path)) };
}

/** One member of a folder, or a single file's artifact unchanged in form: what `stage.output/member` refers to. */
export function member(artifact: Artifact, name: string): Artifact {
  const found = artifact.members.find((m) => m.name === name)!;
  return { ...artifact, folder: false, path: found.path, digest: found.digest, members: [found] };
}
