import type { StageDeclaration } from '../declare/load.ts';
import { type Node, textAt } from '../declare/node.ts';
import { refuseUnknownKeys, type Schema } from '../declare/schema-transform.ts';
import { type Check, compile } from '../declare/validate.ts';
import type { Position } from '../diagnostics/diagnostic.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { positionOf } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { KindRegistry, ResolvedKind } from '../kind/registry.ts';
import type { StageKind } from '../kind/stage-kind.ts';

/** The kinds that the stages of a pipeline use, each found and its schema compiled once. */
export class KindTable {
  readonly #byStage = new Map<StageDeclaration, ResolvedKind | 'command' | null>();
  readonly #checks = new Map<ResolvedKind, Check>();

  of(stage: StageDeclaration): ResolvedKind | 'command' | null {
    return this.#byStage.get(stage) ?? null;
  }

  /** Checks parameters and fills in defaults, in place. */
  check(kind: ResolvedKind, params: unknown): ReturnType<Check> {
    return this.#checks.get(kind)!(params);
  }

  positionOf(stage: StageDeclaration): Position {
    return positionOf(stage.key);
  }

  static async find(
    stages: readonly StageDeclaration[],
    registry: KindRegistry,
    root: string,
    problems: Problems,
  ): Promise<KindTable> {
    const table = new KindTable();
    const found = new Map<string, ResolvedKind | null>();
    for (const stage of stages) {
      const uses = textAt(stage.node, 'uses');
      const command = stage.node.entries.get('command');
      checkEither(stage, problems);
      if (uses && command) {
        // Which of the two was meant decides what is missing.
        table.#byStage.set(stage, null);
        continue;
      }
      if (!uses) {
        table.#byStage.set(stage, command ? 'command' : null);
        continue;
      }
      const id = uses.value.startsWith('.') ? `${stage.file.folder}\n${uses.value}` : uses.value;
      let kind = found.get(id);
      if (kind === undefined) {
        kind = await resolve(uses, stage, registry, root, problems);
        found.set(id, kind);
        if (kind) table.#checks.set(kind, await compileOf(kind, uses, problems));
      } else if (kind === null) {
        // The same mistake at another place is another thing to correct.
        await resolve(uses, stage, registry, root, problems);
      }
      table.#byStage.set(stage, kind);
    }
    return table;
  }
}

function checkEither({ node, key }: StageDeclaration, problems: Problems): void {
  const uses = node.entries.get('uses');
  const command = node.entries.get('command');
  if (uses && command) {
    problems.error('uses-and-command', command.key, 'a stage has either "uses" or "command"', {
      related: [{ message: '"uses" is given here', at: uses.key }],
    });
    return;
  } else if (!uses && !command) {
    problems.error('missing-key', key, 'a stage needs "uses" or "command"', {
      expected: '"uses" with the name of a kind, or "command" with a program',
    });
  }
  for (const name of ['with', 'outputs'] as const) {
    const entry = node.entries.get(name);
    if (!entry || (uses === undefined) === (name === 'outputs')) continue;
    problems.error(
      'misplaced-key',
      entry.key,
      `"${name}" is for a stage with "${name === 'with' ? 'uses' : 'command'}"`,
      {
        hint:
          name === 'with'
            ? 'write ${{ params.x }} in the command instead'
            : 'the kind decides what it writes',
      },
    );
  }
}

async function resolve(
  uses: Node & { value: string },
  { file }: StageDeclaration,
  registry: KindRegistry,
  root: string,
  problems: Problems,
): Promise<ResolvedKind | null> {
  const isPath = uses.value.startsWith('./') || uses.value.startsWith('../');
  if (!isPath && !registry.builtin.includes(uses.value)) {
    problems.error('unknown-kind', uses, `there is no kind of stage "${uses.value}"`, {
      expected: `${oneOf(registry.builtin, 20)}, or the path of a TypeScript file such as ./my-stage.ts`,
      hint: didYouMean(uses.value, registry.builtin),
    });
    return null;
  }
  const found = await registry.resolve(uses.value, file.folder, root);
  if ('definition' in found) return found;
  problems.add({ ...found, at: found.at ?? positionOf(uses) });
  return null;
}

const compiled = new WeakMap<StageKind, Promise<Check>>();

/** The check of a kind's parameters: its schema, with unknown keys refused. Compiled once a process. */
async function compileOf(kind: ResolvedKind, uses: Node, problems: Problems): Promise<Check> {
  try {
    let check = compiled.get(kind.definition);
    if (!check) {
      check = compile(refuseUnknownKeys(kind.definition.with as unknown as Schema), { defaults: true });
      compiled.set(kind.definition, check);
    }
    return await check;
  } catch (error) {
    problems.error(
      'bad-kind',
      uses,
      `the schema of "${kind.name}" is not valid: ${(error as Error).message}`,
    );
    return () => [];
  }
}
