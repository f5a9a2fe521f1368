import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Problems } from '../diagnostics/problems.ts';
import { type SourceText, type Span, sourceText } from '../diagnostics/source-text.ts';
import { closest, didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Scope } from './evaluate.ts';
import { explain } from './explain.ts';
import { besideHint, nearbyHint, pipelinesHint } from './file-hints.ts';
import { checkName } from './names.ts';
import { type MapNode, mapAt, type Node, type ScalarNode, textAt, textsAt, toJson, valueAt } from './node.ts';
import { override, Params, readSettings, settle } from './params.ts';
import { resolvePath, shownPath } from './paths.ts';
import { readYaml } from './read-yaml.ts';
import { PipelineFile } from './schema.ts';
import type { Schema } from './schema-transform.ts';
import { type Check, compile } from './validate.ts';

const largestFile = 16 * 1024 * 1024;
/** Files that include each other twice would otherwise double at every step. */
const mostIncludes = 1000;

/** One pipeline file in its place: included twice under two prefixes, it is there twice. */
export interface Declaration {
  readonly source: SourceText;
  /** Absolute. */
  readonly folder: string;
  readonly node: MapNode;
  /** Empty, or with a dot at its end: `base.`. */
  readonly prefix: string;
  readonly params: Params;
  /** The variables that `env:` of the file names. */
  readonly env: ReadonlySet<string>;
  /** Every stage that references in this file can name, its own and included ones: `curve`, `base.curve`. */
  readonly visible: Map<string, StageDeclaration>;
  /** Prefixes, with their dot, of included files that could not be read: what is under them is not known. */
  readonly unread: Set<string>;
}

export interface StageDeclaration {
  /** With all prefixes: unique in the plan. */
  readonly name: string;
  readonly key: Span;
  readonly node: MapNode;
  readonly file: Declaration;
}

export interface LoadOptions {
  readonly file: string;
  readonly root: string;
  readonly cwd: string;
  readonly profile: string | undefined;
  readonly set: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Loaded {
  readonly main: Declaration | undefined;
  /** Included ones first, in the order of declaration. */
  readonly stages: readonly StageDeclaration[];
  /** Of every file that was read, by its shown path. */
  readonly sources: ReadonlyMap<string, SourceText>;
}

/** Reads a pipeline file and what it includes, and checks their shape. Everything wrong is told to `problems`. */
export async function load(options: LoadOptions, problems: Problems): Promise<Loaded> {
  const check = await checkOfFiles();
  const loader = new Loader(options, check, problems);
  const settings = readSettings(options.set, problems);
  const main = loader.main(settings);
  return { main, stages: loader.stages, sources: loader.sources };
}

let checking: Promise<Check> | undefined;
function checkOfFiles(): Promise<Check> {
  checking ??= compile(PipelineFile as unknown as Schema);
  return checking;
}

/** The variables that may be used, for templates. */
export function environment(names: Iterable<string>, env: NodeJS.ProcessEnv): NonNullable<Scope['env']> {
  const declared = new Set(names);
  return ([name, ...more]) => {
    if (!declared.has(name!) || more.length > 0) {
      return {
        code: 'undeclared-variable',
        message: `the environment variable "${[name, ...more].join('.')}" is not declared`,
        expected:
          declared.size > 0 ? oneOf(declared) : 'a variable that "env" of the file or the stage lists',
        hint: closest(name!, declared) ? didYouMean(name!, declared) : `add "env: [${name}]"`,
      };
    }
    const value = env[name!];
    if (value !== undefined) return { value, at: undefined };
    return {
      code: 'unset-variable',
      message: `the environment variable "${name}" is not set`,
      hint: `set it where orograph is started: ${name}=value orograph run …`,
    };
  };
}

class Loader {
  readonly stages: StageDeclaration[] = [];
  readonly sources = new Map<string, SourceText>();
  readonly #options: LoadOptions;
  readonly #check: Check;
  readonly #problems: Problems;
  readonly #read = new Map<string, MapNode | undefined>();
  #includes = 0;

  constructor(options: LoadOptions, check: Check, problems: Problems) {
    this.#options = options;
    this.#check = check;
    this.#problems = problems;
  }

  main(settings: readonly MapNode[]): Declaration | undefined {
    const { cwd, file, profile } = this.#options;
    const path = resolve(cwd, file);
    const node = this.#readFile(path, undefined);
    if (!node) return undefined;
    const known = mapAt(node, 'profiles');
    if (profile !== undefined && !known?.entries.has(profile)) {
      const names = [...(known?.entries.keys() ?? [])];
      this.#problems.error('unknown-profile', undefined, `there is no profile "${profile}"`, {
        expected: names.length > 0 ? oneOf(names) : 'the pipeline has no profiles',
        hint: () => didYouMean(profile, names),
        related: [{ message: 'profiles are declared here', at: node.entries.get('profiles')?.key }],
      });
    }
    return this.#declare(path, node, '', [], settings, [path]);
  }

  #declare(
    path: string,
    node: MapNode,
    prefix: string,
    overrides: readonly MapNode[],
    settings: readonly MapNode[],
    chain: readonly string[],
  ): Declaration {
    const problems = this.#problems;
    const env = new Set(textsAt(node, 'env').map(({ value }) => value));
    const declared = mapAt(node, 'params');
    let values: MapNode = declared ?? { ...node, entries: new Map(), templated: false };
    for (const [name, profile] of mapAt(node, 'profiles')?.entries ?? []) {
      if (profile.value.kind !== 'map') continue;
      // Every profile is checked, the chosen one holds.
      const overridden = override(values, profile.value, problems);
      if (name === this.#options.profile) values = overridden;
    }
    // `base.epochs=5` is for the file included as `base`, unless this file has a parameter of that name.
    const inner = settings.filter(
      (setting) =>
        !values.entries.has(firstName(setting)) &&
        [...prefixesOf(node)].some((prefix) => underPrefix(setting, prefix).length > 0),
    );
    const own = settings.filter((setting) => !inner.includes(setting));
    for (const over of [...overrides, ...own]) values = override(values, over, problems);
    const declaration: Declaration = {
      source: node.source,
      folder: dirname(path),
      node,
      prefix,
      params: new Params(values, environment(env, this.#options.env), problems),
      env,
      visible: new Map(),
      unread: new Set(),
    };
    const prefixes = this.#include(declaration, inner, chain);
    this.#ownStages(declaration, prefixes);
    return declaration;
  }

  #ownStages(file: Declaration, prefixes: ReadonlyMap<string, Span>): void {
    for (const [name, { key, value }] of mapAt(file.node, 'stages')?.entries ?? []) {
      checkName(name, key, 'a stage', this.#problems);
      const same = prefixes.get(name.toLowerCase());
      if (same) {
        this.#problems.error('duplicate-id', key, `"${name}" is also the prefix of an include`, {
          hint: 'rename one of them',
          related: [{ message: 'the prefix is given here', at: same }],
        });
      }
      if (value.kind !== 'map') continue;
      const stage: StageDeclaration = { name: file.prefix + name, key, node: value, file };
      file.visible.set(name, stage);
      this.stages.push(stage);
    }
  }

  /** Brings other files' stages in; returns the prefixes, in lower case, with their places. */
  #include(file: Declaration, settings: readonly MapNode[], chain: readonly string[]): Map<string, Span> {
    const problems = this.#problems;
    const prefixes = new Map<string, Span>();
    const list = valueAt(file.node, 'include');
    for (const item of list?.kind === 'list' ? list.items : []) {
      const at = textAt(item, 'file');
      const prefix = textAt(item, 'prefix');
      if (!at || !prefix) continue;
      checkName(prefix.value, prefix, 'a prefix', problems);
      const first = prefixes.get(prefix.value.toLowerCase());
      if (first) {
        problems.error('duplicate-id', prefix, `the prefix "${prefix.value}" is given twice`, {
          hint: 'rename one of them',
          related: [{ message: 'first given here', at: first }],
        });
        continue;
      }
      prefixes.set(prefix.value.toLowerCase(), prefix);
      const path = resolvePath(at.value, file.folder, this.#options.root);
      if (chain.includes(path)) {
        const names = [...chain.slice(chain.indexOf(path)), path].map((p) => shownPath(p, this.#options.cwd));
        problems.error('circular-include', at, `files include each other in a circle: ${names.join(' -> ')}`);
        continue;
      }
      if (++this.#includes > mostIncludes) {
        problems.error('too-many-includes', at, `more than ${mostIncludes} files are included`);
        break;
      }
      const node = this.#readFile(path, at);
      if (!node) {
        file.unread.add(`${prefix.value}.`);
        continue;
      }
      const params = mapAt(item, 'params');
      const settled =
        params && settle(params, { params: file.params.find, env: this.#envOf(file) }, problems);
      const overrides = settled?.kind === 'map' ? [settled] : [];
      const inner = this.#declare(
        path,
        node,
        `${file.prefix}${prefix.value}.`,
        overrides,
        settings.flatMap((setting) => underPrefix(setting, prefix.value)),
        [...chain, path],
      );
      for (const [name, stage] of inner.visible) file.visible.set(`${prefix.value}.${name}`, stage);
      for (const unread of inner.unread) file.unread.add(`${prefix.value}.${unread}`);
    }
    return prefixes;
  }

  #envOf(file: Declaration): NonNullable<Scope['env']> {
    return environment(file.env, this.#options.env);
  }

  /** The mapping of a file, read and checked once however often it is included. */
  #readFile(path: string, at: ScalarNode | undefined): MapNode | undefined {
    if (this.#read.has(path)) return this.#read.get(path);
    const text = this.#text(path, at);
    let map: MapNode | undefined;
    if (text !== undefined) {
      const source = sourceText(shownPath(path, this.#options.cwd), path, text);
      this.sources.set(source.file, source);
      const node = readYaml(source, this.#problems);
      if (node) map = this.#checkShape(node);
    }
    this.#read.set(path, map);
    return map;
  }

  #checkShape(node: Node): MapNode | undefined {
    const first: Span = { source: node.source, start: node.start, end: node.start + 1 };
    if (node.kind !== 'map') {
      this.#problems.error('wrong-type', first, 'a pipeline file must be a mapping', {
        expected: 'a mapping with the keys pipeline and stages',
      });
      return undefined;
    }
    explain(this.#check(toJson(node)), { base: node, fallback: first, prefix: '' }, this.#problems);
    const name = textAt(node, 'pipeline');
    if (name) checkName(name.value, name, 'a pipeline', this.#problems);
    return node;
  }

  #text(path: string, at: ScalarNode | undefined): string | undefined {
    const problems = this.#problems;
    const { cwd, root } = this.#options;
    const shown = shownPath(path, cwd);
    try {
      const { size } = statSync(path);
      if (size > largestFile) {
        problems.error('file-too-large', at, `"${shown}" is larger than ${largestFile / 1024 / 1024} MB`);
        return undefined;
      }
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        problems.error('file-not-found', at, `there is no file "${shown}"`, {
          hint: at ? besideHint(at, root) : (nearbyHint(path, shown) ?? pipelinesHint(cwd)),
        });
      } else if (code === 'EISDIR') problems.error('not-a-file', at, `"${shown}" is a folder`);
      else if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
        problems.error('not-utf8', at, `"${shown}" is not UTF-8 text`);
      } else problems.error('unreadable-file', at, `"${shown}" cannot be read: ${code ?? String(error)}`);
      return undefined;
    }
  }
}

/** The prefixes under which a file includes others. */
function prefixesOf(file: MapNode): Set<string> {
  const list = valueAt(file, 'include');
  const items = list?.kind === 'list' ? list.items : [];
  return new Set(items.flatMap((item) => textAt(item, 'prefix')?.value ?? []));
}

function firstName(setting: MapNode): string {
  return setting.entries.keys().next().value!;
}

/** What `--set base.epochs=5` sets in the file included as `base`. */
function underPrefix(setting: MapNode, prefix: string): MapNode[] {
  const value = setting.entries.get(prefix)?.value;
  return value?.kind === 'map' ? [value] : [];
}
