import {
  describe,
  evaluate,
  evaluatePartly,
  type Found,
  lookUp,
  type Scope,
  wholePlaceholder,
} from '../declare/evaluate.ts';
import { explain, nameOf } from '../declare/explain.ts';
import { environment, type StageDeclaration } from '../declare/load.ts';
import { instanceFolder } from '../declare/names.ts';
import { locate, type MapNode, mapAt, type Node, textAt, textsAt, toJson, valueAt } from '../declare/node.ts';
import { SettledStage } from '../declare/schema.ts';
import type { Schema } from '../declare/schema-transform.ts';
import { type Check, compile } from '../declare/validate.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import type { ResolvedKind } from '../kind/registry.ts';
import type { InputSpec, OutputSpec, StageKind } from '../kind/stage-kind.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { type Refuse, resourcesOf, timeoutSeconds } from './amounts.ts';
import { commandOutputs } from './command.ts';
import { ExpectedCheck } from './expect.ts';
import type { KindTable } from './kinds.ts';
import type { Lacking } from './lacking.ts';
import { type AxisValue, expandMatrix, type Matrix, mostInstances, noMatrix } from './matrix.ts';
import type { Instance } from './plan.ts';
import { instanceId } from './reference.ts';

/** A stage with its kind found and its matrix expanded. */
export interface StageDraft {
  readonly declaration: StageDeclaration;
  /** Null where it could not be found: told already. */
  readonly kind: ResolvedKind | 'command' | null;
  readonly matrix: Matrix;
  readonly instances: readonly InstanceDraft[];
}

/** An instance before its inputs are bound. */
export interface InstanceDraft {
  readonly stage: StageDraft;
  readonly id: string;
  readonly labels: readonly string[];
  readonly scope: Scope;
  /** Undefined where the stage's own mistakes keep its outputs unknown. */
  readonly outputs: Readonly<Record<string, OutputSpec>> | undefined;
  /** All but the inputs, as far as they could be told. */
  readonly settled: Omit<Instance, 'inputs'>;
}

/** How a kind's message begins that says something of the value it points to, and leaves its name to us. */
const predicate = /^(is|are|must|means?|says?|asks?|stands?|needs?|has|have|does|cannot|comes|goes)\b/;

/** What a command accepts: any file or folder, one or several. */
const anyInput: InputSpec = { type: 'file', shape: 'either' };

/** The inputs of a stage by name; `*` stands for further names. */
export function inputsOf(kind: ResolvedKind | 'command'): Readonly<Record<string, InputSpec>> {
  return kind === 'command' ? { '*': anyInput } : kind.definition.inputs;
}

export interface DraftContext {
  readonly kinds: KindTable;
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problems;
  readonly checkSettled: Check;
  /** Where what stages read besides their inputs (data sets) shall be looked for. */
  readonly lacking?: Lacking | undefined;
}

/** What a stage must be once its placeholders are filled in. */
export const settledStage: Schema = { ...(SettledStage as unknown as Schema), additionalProperties: false };

let checking: Promise<Check> | undefined;
export function checkOfSettled(): Promise<Check> {
  checking ??= compile(settledStage);
  return checking;
}

/** Expands the stages; those whose matrix cannot be told have no instances. */
export function draftStages(declarations: readonly StageDeclaration[], context: DraftContext): StageDraft[] {
  let total = 0;
  const matrices: (Matrix | undefined)[] = [];
  for (const declaration of declarations) {
    const matrix = matrixOf(declaration, context);
    matrices.push(matrix);
    total += matrix?.combinations.length ?? 0;
    if (total <= mostInstances) continue;
    context.problems.error(
      'too-many-instances',
      declaration.key,
      `the plan has more than ${mostInstances} instances`,
      { expected: `at most ${mostInstances} instances of all stages together` },
    );
    return [];
  }
  return declarations.map((declaration, i) => draftStage(declaration, matrices[i], context));
}

function matrixOf(declaration: StageDeclaration, { env, problems }: DraftContext): Matrix | undefined {
  if (!declaration.node.entries.has('matrix')) return noMatrix;
  const node = mapAt(declaration.node, 'matrix');
  if (!node) return undefined;
  const scope: Scope = { params: declaration.file.params.find, env: variables(declaration, env) };
  return expandMatrix(node, declaration.node.entries.get('matrix')!.key, scope, problems);
}

function variables({ node, file }: StageDeclaration, env: NodeJS.ProcessEnv): NonNullable<Scope['env']> {
  return environment([...file.env, ...textsAt(node, 'env').map(({ value }) => value)], env);
}

function draftStage(
  declaration: StageDeclaration,
  matrix: Matrix | undefined,
  context: DraftContext,
): StageDraft {
  const instances: InstanceDraft[] = [];
  const kind = context.kinds.of(declaration);
  const expected = valueAt(declaration.node, 'expect');
  if (kind !== null && expected) new ExpectedCheck(kind, context.problems).check(expected, toJson(expected));
  const draft: StageDraft = { declaration, kind, matrix: matrix ?? noMatrix, instances };
  const shared = sharedParts(draft, context);
  for (const [index, combination] of (matrix?.combinations ?? []).entries()) {
    instances.push(draftInstance(draft, shared, combination, index, context));
  }
  return draft;
}

/** What all instances of a stage have in common. */
interface Shared {
  readonly env: NonNullable<Scope['env']>;
  readonly values: Readonly<Record<string, string | null>>;
  /** The fields of `SettledStage`, and whether a placeholder stands in one of them. */
  readonly fields: MapNode;
  readonly folder: string;
}

const settledKeys = Object.keys(SettledStage.properties);

function sharedParts({ declaration }: StageDraft, { env }: DraftContext): Shared {
  const { node, name } = declaration;
  const entries = new Map([...node.entries].filter(([key]) => settledKeys.includes(key)));
  return {
    env: variables(declaration, env),
    values: Object.fromEntries(textsAt(node, 'env').map(({ value }) => [value, env[value] ?? null])),
    fields: { ...node, entries, templated: [...entries.values()].some(({ value }) => value.templated) },
    folder: name,
  };
}

function draftInstance(
  draft: StageDraft,
  shared: Shared,
  combination: readonly AxisValue[],
  index: number,
  context: DraftContext,
): InstanceDraft {
  const { declaration, kind, matrix } = draft;
  const { problems } = context;
  const axes = Object.fromEntries(matrix.axes.map((axis, i) => [axis, combination[i]!.value]));
  const named = matrix.axes.map((axis, i) => [axis, combination[i]!.label] as const);
  const scope = instanceScope(declaration, shared, matrix, combination, axes);
  const known =
    kind === null
      ? undefined
      : kind === 'command'
        ? commandParts(declaration, scope, problems)
        : kindParts(declaration, kind, scope, context);
  const id = instanceId(declaration.name, named);
  if (known && kind !== null && kind !== 'command')
    context.lacking?.look(
      id,
      kind,
      known.sound ?? known.params,
      valueAt(declaration.node, 'with'),
      declaration.key,
    );
  const fields = settleFields(shared.fields, draft, scope, context);
  const refuse: Refuse = (pointer, expected) => {
    const { node } = locate(shared.fields, pointer);
    const origin = originIn(scope)(node);
    const given = describe(evaluate(node, scope, problems)!);
    problems.error('out-of-range', node, `"${nameOf(pointer, '')}" cannot be ${given}`, {
      expected,
      ...(origin && { related: [origin] }),
    });
  };
  const definition = kind === null || kind === 'command' ? undefined : kind.definition;
  return {
    stage: draft,
    id,
    labels: named.map(([, label]) => label),
    scope,
    outputs: known?.outputs,
    settled: {
      id,
      stage: declaration.name,
      axes,
      kind: kind === null ? '' : kind === 'command' ? 'command' : kind.name,
      params: known?.params ?? {},
      outputs: known?.outputs ?? {},
      env: shared.values,
      tensors: definition?.engine ?? false,
      resources: resourcesOf(fields, definition, refuse),
      ...(definition?.engine && fields.resources?.cpu !== undefined ? { threads: fields.resources.cpu } : {}),
      timeout: timeoutSeconds(fields.timeout, refuse),
      retries: fields.retries ?? 0,
      expect: (fields.expect ?? {}) as Readonly<Record<string, Json>>,
      folder: named.length === 0 ? shared.folder : `${shared.folder}/${instanceFolder(named, index)}`,
      at: context.kinds.positionOf(declaration),
      ...about(fields),
    },
  };
}

function about({ title, description, caption, engine }: SettledStage): Partial<Instance> {
  const texts = { title, description, caption };
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));
  return {
    ...(Object.keys(given).length > 0 ? { about: given } : {}),
    ...(engine === undefined ? {} : { engine: typeof engine === 'string' ? { name: engine } : engine }),
  };
}

function instanceScope(
  { file }: StageDeclaration,
  { env }: Shared,
  matrix: Matrix,
  combination: readonly AxisValue[],
  axes: JsonObject,
): Scope {
  const scope: Scope = { params: file.params.find, env };
  if (matrix.axes.length === 0) return scope;
  const find = (path: readonly string[]) => {
    const found = lookUp(axes, path, 'matrix');
    return 'value' in found ? { ...found, at: combination[matrix.axes.indexOf(path[0]!)]?.at } : found;
  };
  return { ...scope, matrix: find };
}

/** Where the value came from that a placeholder stands for. */
export function originIn(scope: Scope) {
  return (node: Node): { message: string; at: Span | undefined } | undefined => {
    const place = wholePlaceholder(node);
    if (!place || place.scope === 'inputs' || place.scope === 'outputs') return undefined;
    const found = scope[place.scope]?.(place.path);
    if (!found || !('value' in found)) return undefined;
    return { message: `${place.scope}.${place.path.join('.')} is given here`, at: (found as Found).at };
  };
}

interface Parts {
  readonly params: JsonObject;
  /** Of parameters with mistakes, those without: what they name is looked for all the same. */
  readonly sound?: JsonObject;
  readonly outputs: Readonly<Record<string, OutputSpec>> | undefined;
}

function commandParts(declaration: StageDeclaration, scope: Scope, problems: Problems): Parts | undefined {
  const { node } = declaration;
  const { outputs, files } = commandOutputs(declaration, problems);
  const command = textAt(node, 'command');
  if (!command) return { params: {}, outputs };
  const text = evaluate(command, { ...scope, files: true }, problems);
  return { params: { ...(text === undefined ? {} : { command: text }), outputs: files }, outputs };
}

function kindParts(
  declaration: StageDeclaration,
  kind: ResolvedKind,
  scope: Scope,
  { kinds, problems }: DraftContext,
): Parts | undefined {
  const { node, key } = declaration;
  const written = valueAt(node, 'with');
  // Where the outputs do not hang on the parameters, references to them are checked in spite of mistakes here.
  const { outputs } = kind.definition;
  const fixed = typeof outputs === 'function' ? undefined : { params: {}, outputs };
  if (written && written.kind !== 'map') return fixed;
  const base: MapNode = written ?? { ...key, kind: 'map', entries: new Map(), size: 1, templated: false };
  const { value, complete } = evaluatePartly(base, scope, problems);
  const params = value as JsonObject;
  const fallback = node.entries.get('with')?.key ?? key;
  const errors = kinds.check(kind, params);
  if (errors.length > 0) {
    explain(errors, { base, fallback, prefix: 'with', origin: originIn(scope) }, problems);
    const wrong = errors.map(
      ({ instancePath, params: { missingProperty } }) =>
        instancePath.split('/')[1] ?? (missingProperty as string | undefined),
    );
    return partsWithout(kind.definition, params, wrong);
  }
  if (!complete) return partsWithout(kind.definition, params, []);
  try {
    const inputs = [...(mapAt(node, 'inputs')?.entries.keys() ?? [])];
    const wrong = kind.definition.check?.(params as never, inputs) ?? [];
    for (const { pointer, message } of wrong) {
      const place = locate(base, pointer);
      const at = place.node.kind === 'scalar' || !place.complete ? place.node : (place.key ?? fallback);
      const origin = originIn(scope)(place.node);
      problems.error(
        'bad-parameters',
        at === base && !written ? fallback : at,
        predicate.test(message) ? `"${nameOf(pointer, 'with')}" ${message}` : message,
        origin ? { related: [origin] } : {},
      );
    }
    if (wrong.length > 0)
      return partsWithout(
        kind.definition,
        params,
        wrong.map(({ pointer }) => pointer.split('/')[1]),
      );
    return { params, outputs: outputsOf(kind.definition, params) };
  } catch (error) {
    problems.error(
      'kind-failed',
      key,
      `the kind "${kind.name}" failed on these parameters: ${(error as Error).message}`,
    );
    return fixed;
  }
}

/**
 * What is known where parameters are wrong: the outputs as well, as long as none of these decides them.
 * @param wrong names of parameters; undefined for a mistake that is of none
 */
function partsWithout(
  definition: StageKind,
  params: JsonObject,
  wrong: readonly (string | undefined)[],
): Parts {
  const isSound = ([name, value]: [string, Json | undefined]): boolean =>
    !wrong.includes(name) && value !== undefined && !hasHole(value);
  const sound = Object.fromEntries(Object.entries(params).filter(isSound));
  const guarded = new Proxy(params, {
    get(target, name) {
      if (typeof name !== 'string') return undefined;
      if (wrong.includes(name) || (Object.hasOwn(target, name) && !Object.hasOwn(sound, name)))
        throw new Error('decided by a mistake');
      return target[name];
    },
  });
  try {
    return { params: {}, sound, outputs: outputsOf(definition, guarded) };
  } catch {
    return { params: {}, sound, outputs: undefined };
  }
}

/** Whether a placeholder in it could not be filled. */
function hasHole(value: Json | undefined): boolean {
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some((inner) => inner === undefined || hasHole(inner));
}

function outputsOf(definition: StageKind, params: JsonObject): Readonly<Record<string, OutputSpec>> {
  return typeof definition.outputs === 'function' ? definition.outputs(params as never) : definition.outputs;
}

function settleFields(
  fields: MapNode,
  { declaration: { key }, kind }: StageDraft,
  scope: Scope,
  { problems, checkSettled }: DraftContext,
): SettledStage {
  if (fields.entries.size === 0) return {};
  const { value, complete } = evaluatePartly(fields, scope, problems);
  const expected = valueAt(fields, 'expect');
  if (expected?.templated && kind !== null)
    new ExpectedCheck(kind, problems, originIn(scope)).check(expected, (value as JsonObject).expect!);
  const errors = checkSettled(value);
  if (errors.length === 0) return complete ? (value as SettledStage) : {};
  // Without placeholders the file's own check has told them.
  if (fields.templated) {
    explain(errors, { base: fields, fallback: key, prefix: '', origin: originIn(scope) }, problems);
  }
  return {};
}
