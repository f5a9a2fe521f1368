import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoredFile, StoredOutput } from '../kind/artifact.ts';
import type { OutputSpec } from '../kind/stage-kind.ts';
import type { Store } from '../store/contract.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { makeFolder } from '../util/fs-durable.ts';

/** Where a kind writes an output inside its folder: `<name><ext>`, or `<name>/<member><ext>`. */
export function outputPath(folder: string, name: string, spec: OutputSpec, member?: string): string {
  return member === undefined
    ? join(folder, `${name}${spec.extension}`)
    : join(folder, name, `${member}${spec.extension}`);
}

export function isFolder(spec: OutputSpec): boolean {
  return spec.folder ?? spec.members !== undefined;
}

/** Makes the folders that outputs go into, so that a kind just writes. */
export function prepareOutputs(folder: string, outputs: Readonly<Record<string, OutputSpec>>): void {
  for (const [name, spec] of Object.entries(outputs)) {
    const path = isFolder(spec) ? join(folder, name) : outputPath(folder, name, spec);
    makeFolder(isFolder(spec) ? path : dirname(path));
  }
}

/** What a finished stage wrote, or what it failed to write. */
export type Collected =
  | { readonly outputs: Record<string, StoredOutput>; readonly undeclared: readonly string[] }
  | { readonly missing: readonly string[] };

/**
 * Takes the declared outputs into the store. Nothing is taken when one is missing; what was not declared is named and
 * left behind.
 */
export async function collectOutputs(
  store: Store,
  folder: string,
  outputs: Readonly<Record<string, OutputSpec>>,
  /** For programs, which name their files themselves. */
  fileNames: Readonly<Record<string, string>> = {},
): Promise<Collected> {
  const missing: string[] = [];
  const found: { name: string; spec: OutputSpec; files: { member: string; path: string }[] }[] = [];
  const declared = new Set<string>();
  for (const [name, spec] of Object.entries(outputs)) {
    if (isFolder(spec)) {
      const base = join(folder, fileNames[name] ?? name);
      const files = membersIn(base, spec);
      for (const { member, path } of files) if (!isFile(path)) missing.push(`${name}/${member}`);
      for (const { path } of files) declared.add(path);
      if (files.length === 0) missing.push(`${name} (an empty folder)`);
      found.push({ name, spec, files });
    } else {
      const path = fileNames[name] ? join(folder, fileNames[name]) : outputPath(folder, name, spec);
      if (!isFile(path)) missing.push(name);
      declared.add(path);
      found.push({ name, spec, files: [{ member: '', path }] });
    }
  }
  if (missing.length > 0) return { missing };
  const undeclared = filesIn(folder).filter((file) => !declared.has(join(folder, file)));
  const stored = await Promise.all(
    found.map(async ({ name, spec, files }) => {
      const members = await Promise.all(
        files.map(async ({ member, path }) => [member, await store.ingest(path)] as const),
      );
      return [name, describeOutput(spec, Object.fromEntries(members))] as const;
    }),
  );
  return { outputs: Object.fromEntries(stored), undeclared };
}

/** The members of a folder output: those that were declared, or else what is there. */
export function membersIn(base: string, spec: OutputSpec): { member: string; path: string }[] {
  const present = (): string[] =>
    filesIn(base)
      .filter((file) => file.endsWith(spec.extension))
      .map((file) => stem(file, spec));
  return (spec.members ?? present()).map((member) => ({
    member,
    path: join(base, `${member}${spec.extension}`),
  }));
}

export function describeOutput(spec: OutputSpec, members: Record<string, StoredFile>): StoredOutput {
  const folder = isFolder(spec);
  return {
    type: spec.type,
    folder,
    extension: spec.extension,
    members,
    digest: folder ? digestOfFolder(members) : members['']!.digest,
  };
}

/** Content of a folder: its members' names and digests, in the order of their names. */
function digestOfFolder(members: Record<string, StoredFile>): Digest {
  const lines = Object.keys(members)
    .sort()
    .map((name) => `${members[name]!.digest} ${name}`);
  return digestOf(`orograph-folder/1\n${lines.join('\n')}`);
}

function stem(file: string, spec: OutputSpec): string {
  return file.slice(0, file.length - spec.extension.length).replaceAll('\\', '/');
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
