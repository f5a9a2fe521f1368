import { statSync } from 'node:fs';
import { describe, evaluate } from '../declare/evaluate.ts';
import { nearbyHint } from '../declare/file-hints.ts';
import type { StageDeclaration } from '../declare/load.ts';
import {
  type ListNode,
  mapAt,
  type Node,
  type ScalarNode,
  textAt,
  valueAt,
  within,
} from '../declare/node.ts';
import { resolvePath, shownPath } from '../declare/paths.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { InputSpec } from '../kind/stage-kind.ts';
import { checkCommand } from './command.ts';
import { type InstanceDraft, inputsOf, type StageDraft } from './draft.ts';
import { checkFit, outputName } from './fit.ts';
import type { Binding, Source } from './plan.ts';
import { grammar, parseReference, type Reference } from './reference.ts';
import { Selection } from './selection.ts';

/** The most references of a plan: ten thousand instances that each read ten thousand others are no pipeline. */
export const mostSources = 2_000_000;

/** What one written reference leads to. */
interface Target {
  /** Undefined where it does not fit: it is an edge of the graph all the same. */
  readonly sources: readonly Source[] | undefined;
  readonly instances: readonly InstanceDraft[];
}

interface Bound {
  /** Undefined where the input could not be bound. */
  readonly binding?: Binding;
  readonly reads: BoundInstance['reads'];
}

export interface BoundInstance {
  readonly draft: InstanceDraft;
  readonly inputs: Readonly<Record<string, Binding>>;
  /** The reference lists, shared between instances that refer to the same. */
  readonly reads: readonly { readonly instances: readonly InstanceDraft[]; readonly at: Span }[];
}

/** What an input takes. Its name is the user's: "toString" is one as any other. */
function specOf(specs: Readonly<Record<string, InputSpec>>, name: string): InputSpec | undefined {
  return Object.hasOwn(specs, name) ? specs[name] : specs['*'];
}

/** Connects the instances: every reference is parsed, found, and checked against what the input takes. */
export class Binder {
  readonly #stages = new Map<StageDeclaration, StageDraft>();
  readonly #selections = new Map<StageDraft, Selection>();
  readonly #root: string;
  readonly #cwd: string;
  readonly #problems: Problems;
  #sources = 0;

  constructor(stages: readonly StageDraft[], root: string, cwd: string, problems: Problems) {
    for (const stage of stages) this.#stages.set(stage.declaration, stage);
    this.#root = root;
    this.#cwd = cwd;
    this.#problems = problems;
  }

  bind(stage: StageDraft): BoundInstance[] {
    const { declaration, kind } = stage;
    const inputs = mapAt(declaration.node, 'inputs');
    const specs = kind === null ? undefined : inputsOf(kind);
    if (specs) this.#checkNames(stage, specs);
    // References without a placeholder lead to the same for every instance: they are followed once.
    const shared = new Map<string, Bound | undefined>();
    return stage.instances.map((draft) => {
      const bindings: Record<string, Binding> = {};
      const reads: { instances: readonly InstanceDraft[]; at: Span }[] = [];
      for (const [name, { value, key }] of inputs?.entries ?? []) {
        const spec = specs && specOf(specs, name);
        let bound = shared.get(name);
        if (!shared.has(name)) {
          bound = this.#input(draft, name, value, key, spec, kind === 'command');
          if (!value.templated) shared.set(name, bound);
        }
        if (!bound) continue;
        reads.push(...bound.reads);
        if (!bound.binding) continue;
        bindings[name] = bound.binding;
        this.#sources += bound.binding.sources.length;
      }
      if (kind === 'command') {
        const outputs = new Set(Object.keys(draft.outputs ?? {}));
        const { command } = draft.settled.params;
        checkCommand(
          declaration,
          command as string | undefined,
          new Set(inputs?.entries.keys()),
          outputs,
          this.#problems,
        );
      }
      if (this.#sources > mostSources) {
        this.#problems.error(
          'too-many-references',
          declaration.key,
          `the plan has more than ${mostSources} references`,
        );
      }
      return { draft, inputs: bindings, reads };
    });
  }

  get exhausted(): boolean {
    return this.#sources > mostSources;
  }

  #checkNames({ declaration }: StageDraft, specs: Readonly<Record<string, InputSpec>>): void {
    const given = mapAt(declaration.node, 'inputs')?.entries;
    const names = Object.keys(specs).filter((name) => name !== '*');
    for (const [name, { key }] of given ?? []) {
      if (Object.hasOwn(specs, name) || '*' in specs) continue;
      const missing = names.filter((known) => !given?.has(known));
      this.#problems.error('unknown-input', key, `there is no input "${name}"`, {
        expected: names.length > 0 ? oneOf(names) : 'no inputs',
        hint: didYouMean(name, missing),
      });
    }
    for (const name of names) {
      const spec = specs[name]!;
      if (spec.optional || given?.has(name)) continue;
      const at = declaration.node.entries.get('inputs')?.key ?? declaration.key;
      this.#problems.error('missing-input', at, `the input "${name}" is missing`, {
        expected: spec.description ?? `a reference to ${[spec.type].flat().join(' or ')}`,
      });
    }
  }

  #input(
    draft: InstanceDraft,
    name: string,
    value: Node,
    key: Span,
    spec: InputSpec | undefined,
    isCommand: boolean,
  ): Bound | undefined {
    const list = this.#references(value, key);
    const sources: Source[] = [];
    const reads: { instances: readonly InstanceDraft[]; at: Span }[] = [];
    let good = list !== undefined;
    for (const item of list ?? []) {
      const target = this.#target(draft, item, spec);
      if (target && target.instances.length > 0) reads.push({ instances: target.instances, at: item });
      if (!target?.sources) good = false;
      else if (list!.length === 1) return this.#bound(name, value, target.sources, reads, spec, isCommand);
      else sources.push(...target.sources);
    }
    return good ? this.#bound(name, value, sources, reads, spec, isCommand) : { reads };
  }

  #bound(
    name: string,
    value: Node,
    sources: readonly Source[],
    reads: Bound['reads'],
    spec: InputSpec | undefined,
    isCommand: boolean,
  ): Bound {
    const many = isCommand ? value.kind === 'list' || sources.length !== 1 : (spec?.many ?? false);
    if (many || sources.length === 1) return { binding: { many, sources }, reads };
    const instances = reads[0]?.instances ?? [];
    this.#problems.error(
      'too-many-for-input',
      value,
      `the input "${name}" takes one artifact, not ${sources.length}`,
      { hint: instances.length > 1 ? `select one of them: ${instances[0]!.id}` : 'name one of them' },
    );
    return { reads };
  }

  /** The single references that an input's value consists of: texts and `{ file: path }`. */
  #references(value: Node, key: Span): Node[] | undefined {
    const empty = (at: Span) => {
      this.#problems.error('empty-reference', at, 'an empty reference', { expected: grammar });
      return undefined;
    };
    if (value.kind === 'scalar') {
      if (value.broken) return undefined;
      if (value.value === null || value.value === '') return empty(value.value === null ? key : value);
      return typeof value.value === 'string' ? [value] : undefined;
    }
    if (value.kind === 'map') return textAt(value, 'file') ? [value] : undefined;
    if (value.items.length === 0) return empty(value);
    const items: Node[] = [];
    for (const item of (value as ListNode).items) {
      const inner = item.kind === 'list' ? undefined : this.#references(item, item);
      if (!inner) return undefined;
      items.push(...inner);
    }
    return items;
  }

  #target(draft: InstanceDraft, node: Node, spec: InputSpec | undefined): Target | undefined {
    if (node.kind === 'map') return this.#file(draft, valueAt(node, 'file') as ScalarNode, spec);
    const text = evaluate(node, draft.scope, this.#problems);
    if (text === undefined) return undefined;
    if (typeof text !== 'string' || text === '') {
      this.#problems.error('empty-reference', node, `${describe(text)} is no reference`, {
        expected: grammar,
      });
      return undefined;
    }
    return this.#stageTarget(draft, node as ScalarNode, text, spec);
  }

  #file(draft: InstanceDraft, node: ScalarNode, spec: InputSpec | undefined): Target | undefined {
    const path = evaluate(node, draft.scope, this.#problems);
    if (path === undefined) return undefined;
    if (typeof path !== 'string' || path === '' || path.includes('\0')) {
      this.#problems.error('empty-reference', node, `${describe(path)} is no path of a file`);
      return undefined;
    }
    const absolute = resolvePath(path, draft.stage.declaration.file.folder, this.#root);
    const stat = statSync(absolute, { throwIfNoEntry: false });
    const shown = () => shownPath(absolute, this.#cwd);
    if (!stat) {
      this.#problems.error('file-not-found', node, `there is no file "${shown()}"`, {
        hint: nearbyHint(absolute, path),
      });
      return undefined;
    }
    if (!stat.isFile()) {
      this.#problems.error(
        'not-a-file',
        node,
        `"${shown()}" is ${stat.isDirectory() ? 'a folder' : 'no file'}`,
        {
          expected: 'a file',
        },
      );
      return undefined;
    }
    if (spec?.shape === 'folder') {
      this.#problems.error('wrong-shape', node, 'this input takes a folder of artifacts, not a file');
      return undefined;
    }
    const inRoot = shownPath(absolute, this.#root);
    const inside = !inRoot.startsWith('../') && inRoot !== '..';
    return { sources: [{ from: 'file', path: inside ? inRoot : absolute }], instances: [] };
  }

  #stageTarget(
    draft: InstanceDraft,
    node: ScalarNode,
    text: string,
    spec: InputSpec | undefined,
  ): Target | undefined {
    const problems = this.#problems;
    // Offsets are of the text after placeholders: only what has none can be pointed into.
    const piece = (start: number, end: number) => (node.templated ? node : within(node, start, end));
    const reference = parseReference(text);
    if ('bad' in reference) {
      problems.error('bad-reference', piece(reference.start, reference.end), reference.bad, {
        expected: grammar,
      });
      return undefined;
    }
    const found = this.#stage(draft, reference, piece);
    if (!found) return undefined;
    const { stage, output } = found;
    // A stage that has mistakes of its own was told of; what it would give is not known.
    if (stage.instances.length === 0) return undefined;
    const instances = this.#selectionOf(stage).pick(reference, piece, problems);
    if (!instances) return undefined;
    const at = piece(0, text.length);
    const sources: Source[] = [];
    for (const instance of instances) {
      if (!instance.outputs) return { sources: undefined, instances };
      const name = outputName(instance, instance.outputs, output, at, problems);
      if (name === undefined) return { sources: undefined, instances };
      const asked = { output: name, member: reference.member };
      if (!checkFit(instance, asked, spec, at, problems)) return { sources: undefined, instances };
      sources.push({ from: 'stage', instance: instance.id, ...asked });
    }
    return { sources, instances };
  }

  #selectionOf(stage: StageDraft): Selection {
    let selection = this.#selections.get(stage);
    if (!selection) {
      selection = new Selection(stage);
      this.#selections.set(stage, selection);
    }
    return selection;
  }

  /** The stage with the longest name that the reference starts with, and the output after it. */
  #stage(
    draft: InstanceDraft,
    { head, selector, output }: Reference,
    piece: (start: number, end: number) => Span,
  ): { stage: StageDraft; output: string | null } | undefined {
    const { visible, unread } = draft.stage.declaration.file;
    const parts = head.split('.');
    let isStage = false;
    for (let taken = parts.length; taken > 0; taken--) {
      const declaration = visible.get(parts.slice(0, taken).join('.'));
      if (!declaration) continue;
      isStage = true;
      const rest = parts.slice(taken);
      const stage = this.#stages.get(declaration);
      if (!stage) return undefined;
      if (rest.length === 0) return { stage, output };
      if (rest.length === 1 && selector === null) return { stage, output: rest[0]! };
      break;
    }
    // The file that would say so could not be read, which has been told.
    if ([...unread].some((prefix) => head.startsWith(prefix))) return undefined;
    // What stands after a name that is known neither for a stage nor for a prefix is an output of it.
    const isPrefix = (name: string) => [...visible.keys()].some((known) => known.startsWith(`${name}.`));
    let named = 1;
    while (named < parts.length && isPrefix(parts.slice(0, named).join('.'))) named++;
    const name = isStage ? head : parts.slice(0, named).join('.');
    this.#problems.error('unknown-stage', piece(0, name.length), `there is no stage "${name}"`, {
      expected: () => (visible.size > 0 ? oneOf(visible.keys()) : 'the pipeline has no stages'),
      hint: () =>
        didYouMean(name, visible.keys()) ??
        didYouMean(head, visible.keys()) ??
        didYouMean(parts.slice(0, -1).join('.'), visible.keys()),
    });
    return undefined;
  }
}
