import { locate, type Node } from '../declare/node.ts';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { positionOf, type Span } from '../diagnostics/source-text.ts';
import type { ResolvedKind } from '../kind/registry.ts';
import type { Json, JsonObject } from '../util/json.ts';

/**
 * What stages read besides their inputs, data sets above all, and is not there. Not part of a plan, which is the same on
 * every machine: it is looked for where a plan is bad anyway, so that all is told at once, and where a run finds that
 * something is missing, so that it can say where that is named.
 */
export class Lacking {
  readonly #root: string;
  readonly #known = new Map<string, readonly Diagnostic[]>();
  /** By instance. */
  readonly found = new Map<string, readonly Diagnostic[]>();

  /** @param root workspace root */
  constructor(root: string) {
    this.#root = root;
  }

  look(
    instance: string,
    { name, definition }: ResolvedKind,
    params: JsonObject,
    written: Node | undefined,
    stage: Span,
  ): void {
    if (!definition.files) return;
    const id = `${name} ${JSON.stringify(params)}`;
    let wrong = this.#known.get(id);
    if (!wrong) {
      wrong = [];
      try {
        definition.files(params as never, this.#root);
      } catch (error) {
        // A bug of the kind's shows when it runs.
        if (error instanceof UserError) wrong = error.diagnostics;
      }
      this.#known.set(id, wrong);
    }
    if (wrong.length === 0) return;
    const told = wrong.map((diagnostic) => {
      const pointer = quoted(params, diagnostic.message);
      const place = pointer === undefined || !written ? undefined : locate(written, pointer).node;
      return { ...diagnostic, at: diagnostic.at ?? positionOf(place ?? stage) };
    });
    this.found.set(instance, told);
  }
}

/** Pointer to the parameter whose value a message quotes. */
function quoted(params: Json, message: string): string | undefined {
  if (typeof params === 'string') return message.includes(`"${params}"`) ? '' : undefined;
  if (params === null || typeof params !== 'object') return undefined;
  for (const [name, value] of Object.entries(params)) {
    const inner = quoted(value, message);
    if (inner !== undefined) return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${inner}`;
  }
  return undefined;
}
