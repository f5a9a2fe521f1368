import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join, relative, resolve as resolvePath, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { type FactTypes, whatIsWrongWith } from '../kind/fact-types.ts';
import type { CodeIdentity, KindRegistry, ResolvedKind } from '../kind/registry.ts';
import type { FactsOf, StageKind } from '../kind/stage-kind.ts';
import { diskError } from '../store/disk-errors.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { writeFileAtomic } from '../util/fs-durable.ts';
import { packageRoot } from '../util/package-root.ts';

/** What the module of a kind exports. */
interface KindModule {
  readonly default?: StageKind;
  readonly facts?: FactsOf;
  readonly factTypes?: FactTypes;
}

/** What is known of a kind only by importing it. */
type Imported = Pick<ResolvedKind, 'definition' | 'factTypes'>;

/** Everything about a kind but what costs an import. */
export type KindCode = Omit<ResolvedKind, keyof Imported>;

/** dist/kinds.json. */
type Shipped = Readonly<Record<string, Pick<KindCode, 'code' | 'factsCode' | 'itemsCode'>>>;

/** A compiled kind of the user's, remembered so that an unchanged one needs no compiler. */
interface CompiledRecord {
  readonly format: 2;
  readonly build: string;
  /** Absolute path of each source file, and of each package.json that counts, to the digest of its text. */
  readonly texts: Readonly<Record<string, Digest>>;
  readonly module: string;
  /** Of the compiled module: altered on the disk, it would compute something else under the same key. */
  readonly compiled: Digest;
  readonly code: CodeIdentity;
  readonly factsCode: Digest | null;
}

interface Compiled {
  readonly record: CompiledRecord;
  readonly compiled: string;
  readonly code: KindCode;
}

/** Times that the sources of a kind are read while somebody is writing them. */
const mostReadings = 20;

/**
 * Finds kinds that ship (dist/stages, identified when orograph was built) and kinds of the user's (compiled once per
 * content into `<cache>/code/`).
 */
export class Kinds implements KindRegistry {
  readonly builtin: readonly string[];
  readonly #root = packageRoot();
  readonly #shipped: Shipped;
  readonly #cache: string;
  readonly #codeFolder: string;
  readonly #build: string;
  readonly #definitions = new Map<string, Promise<Imported | Diagnostic>>();
  readonly #codes = new Map<string, Promise<KindCode | Diagnostic>>();

  private constructor(shipped: Shipped, cache: string, build: string) {
    this.#shipped = shipped;
    this.builtin = Object.keys(shipped).sort();
    this.#cache = cache;
    this.#codeFolder = join(cache, 'code');
    this.#build = build;
  }

  static async open(cacheFolder: string): Promise<Kinds> {
    const dist = join(packageRoot(), 'dist');
    const [described, stamp] = await Promise.all([
      readFile(join(dist, 'kinds.json'), 'utf8'),
      readFile(join(dist, 'stamp'), 'utf8'),
    ]);
    return new Kinds(JSON.parse(described) as Shipped, cacheFolder, stamp);
  }

  /** What this build of orograph is: stored results of planning hold only for the same build. */
  get build(): string {
    return this.#build;
  }

  async resolve(uses: string, folder: string, root: string): Promise<ResolvedKind | Diagnostic> {
    const code = await this.identify(uses, folder, root);
    if ('severity' in code) return code;
    let definition = this.#definitions.get(code.module);
    if (!definition) this.#definitions.set(code.module, (definition = importDefinition(code)));
    const found = await definition;
    return 'severity' in found ? found : { ...code, ...found };
  }

  /** As `resolve`, without importing the kind. */
  identify(uses: string, folder: string, root: string): Promise<KindCode | Diagnostic> {
    const file = /^\.\.?\//.test(uses) ? resolvePath(folder, uses) : isAbsolute(uses) ? uses : null;
    const id = file ?? uses;
    let code = this.#codes.get(id);
    if (!code)
      this.#codes.set(id, (code = file ? this.#identifyUsers(file, root) : this.#identifyShipped(uses)));
    return code;
  }

  async #identifyShipped(name: string): Promise<KindCode | Diagnostic> {
    const shipped = Object.hasOwn(this.#shipped, name) ? this.#shipped[name] : undefined;
    if (!shipped) {
      return {
        severity: 'error',
        code: 'unknown-kind',
        message: `unknown stage kind "${name}"`,
        expected: `one of ${this.builtin.join(', ')}, or the path of a TypeScript file that starts with ./`,
      };
    }
    return { name, module: join(this.#root, 'dist', 'stages', `${name}.js`), ...shipped };
  }

  async #identifyUsers(file: string, root: string): Promise<KindCode | Diagnostic> {
    const inside = relative(root, file).split(sep).join('/');
    const name = inside.startsWith('..') ? inside : `./${inside}`;
    const recordFile = join(this.#codeFolder, `${digestOf(file)}.json`);
    const known = await readRecord(recordFile, this.#build);
    if (known)
      return { name, module: known.module, code: known.code, factsCode: known.factsCode, itemsCode: null };
    try {
      for (let attempt = 1; attempt <= mostReadings; attempt++) {
        const kind = await this.#compile(file, name, root);
        if (kind === 'changed') continue;
        if ('severity' in kind) return kind;
        return { ...kind.code, module: await this.#keep(kind, recordFile) };
      }
    } catch (error) {
      if (error instanceof UserError) throw error;
      return compileFailure(name, error);
    }
    return {
      severity: 'error',
      code: 'kind-does-not-compile',
      message: `${name}, or what it imports, changes all the time`,
      hint: 'run again when nothing writes into it any more',
    };
  }

  /**
   * Where the compiled kind was kept: in the cache, or until we end in a folder of our own, where the cache is not there
   * or may only be read, because nothing is going to run.
   */
  async #keep({ record, compiled }: Compiled, recordFile: string): Promise<string> {
    const { module } = record;
    try {
      if (existsSync(this.#cache)) {
        // Durably: a module that a power cut has emptied would fail to load ever after.
        await writeFileAtomic(module, compiled, { durable: true });
        await writeFileAtomic(recordFile, JSON.stringify(record), { durable: true });
        return module;
      }
    } catch (error) {
      const refused = ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (!refused) throw diskError(error, 'keep a compiled stage kind', module);
    }
    const passing = join(temporaryFolder(), basename(module));
    await writeFile(passing, compiled);
    return passing;
  }

  /** Several passes read the sources: `changed` where they did not all see the same. */
  async #compile(file: string, name: string, root: string): Promise<Compiled | Diagnostic | 'changed'> {
    const { compileKind, identifyCode, surveyCode } = await import('../kind/code.ts');
    const options = { root, self: join(this.#root, 'dist', 'index.js') };
    const survey = await surveyCode(file, options);
    const before = await textsOf(survey.sources);
    if (!survey.exports.includes('default')) return noDefault(name);
    const code = await identifyCode(file, 'default', options);
    const facts = survey.exports.includes('facts') ? await identifyCode(file, 'facts', options) : null;
    const texts = { ...before, ...(await textsOf(Object.keys(code.manifests))) };
    const module = join(this.#codeFolder, `${digestOf(JSON.stringify([this.#build, texts]))}.mjs`);
    const compiled = await compileKind(file, module, options);
    const after = await textsOf(survey.sources);
    if (survey.sources.some((path) => before[path] !== after[path])) return 'changed';
    const record: CompiledRecord = {
      format: 2,
      build: this.#build,
      texts,
      module,
      compiled: digestOf(compiled),
      code: code.identity,
      factsCode: facts?.identity.digest ?? null,
    };
    return {
      record,
      compiled,
      code: { name, module, code: record.code, factsCode: record.factsCode, itemsCode: null },
    };
  }
}

async function textsOf(paths: readonly string[]): Promise<Record<string, Digest>> {
  const texts = await Promise.all(paths.map(async (path) => [path, digestOf(await readFile(path))] as const));
  return Object.fromEntries(texts);
}

let temporary: string | undefined;

/** A folder for this process alone. */
function temporaryFolder(): string {
  if (temporary === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'orograph-code-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    temporary = folder;
  }
  return temporary;
}

async function readRecord(file: string, build: string): Promise<CompiledRecord | null> {
  try {
    const record = JSON.parse(await readFile(file, 'utf8')) as CompiledRecord;
    if (record.format !== 2 || record.build !== build) return null;
    if (digestOf(await readFile(record.module)) !== record.compiled) return null;
    for (const [path, digest] of Object.entries(record.texts)) {
      if (digestOf(await readFile(path)) !== digest) return null;
    }
    return record;
  } catch {
    // No record, a damaged one, or a source that is gone: compile again, which says what is wrong.
    return null;
  }
}

async function importDefinition(kind: KindCode): Promise<Imported | Diagnostic> {
  try {
    const {
      default: definition,
      facts,
      factTypes,
    } = (await import(pathToFileURL(kind.module).href)) as KindModule;
    const problem = whatIsMissing(definition);
    const wrong = factTypes === undefined ? null : whatIsWrongWith(factTypes);
    if (!problem && !wrong) return { definition: definition!, factTypes: facts ? (factTypes ?? null) : {} };
    return {
      severity: 'error',
      code: 'bad-kind',
      ...(problem
        ? {
            message: `the default export of ${kind.name} is no stage kind: ${problem}`,
            hint: 'export default defineStage({ version: 1, summary, with, inputs, outputs, run })',
          }
        : { message: `${kind.name} does not say what its facts are: ${wrong}` }),
    };
  } catch (error) {
    return {
      severity: 'error',
      code: 'kind-failed-to-load',
      message: `${kind.name} failed while it was imported: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'a kind should only declare at its top level; put work into run()',
    };
  }
}

function whatIsMissing(kind: StageKind | undefined): string | null {
  if (typeof kind !== 'object' || kind === null) return 'it is not an object';
  if (!Number.isInteger(kind.version)) return '`version` must be an integer';
  if (typeof kind.run !== 'function') return '`run` must be a function';
  if (typeof kind.with !== 'object' || kind.with === null) return '`with` must be a schema';
  if (typeof kind.inputs !== 'object' || kind.inputs === null) return '`inputs` must be an object';
  if (!['object', 'function'].includes(typeof kind.outputs))
    return '`outputs` must be an object or a function';
  return null;
}

function noDefault(name: string): Diagnostic {
  return {
    severity: 'error',
    code: 'bad-kind',
    message: `${name} has no default export`,
    hint: 'export default defineStage({ … })',
  };
}

interface BuildFailure {
  readonly errors?: readonly {
    text: string;
    location: { file: string; line: number; column: number; length: number } | null;
  }[];
}

function compileFailure(name: string, error: unknown): Diagnostic {
  if (
    (error as NodeJS.ErrnoException)?.code === 'ENOENT' ||
    /Could not resolve|no such file/i.test(String(error))
  ) {
    const missing = (error as BuildFailure).errors?.[0];
    if (!missing?.location) {
      return {
        severity: 'error',
        code: 'unknown-kind',
        message: `there is no file ${name}`,
        expected: 'a TypeScript file',
      };
    }
  }
  const first = (error as BuildFailure).errors?.[0];
  if (first) {
    const { text, location } = first;
    return {
      severity: 'error',
      code: 'kind-does-not-compile',
      message: `${name} does not compile: ${text}`,
      ...(location && {
        related: [
          {
            message: text,
            at: {
              file: location.file,
              line: location.line,
              column: location.column + 1,
              length: Math.max(1, location.length),
            },
          },
        ],
      }),
    };
  }
  return {
    severity: 'error',
    code: 'kind-does-not-compile',
    message: `${name} does not compile: ${error instanceof Error ? error.message : String(error)}`,
  };
}
