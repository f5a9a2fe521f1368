import { visible } from '../diagnostics/width.ts';
import type { Json, JsonObject } from '../util/json.ts';
import type { KeyParts } from './key.ts';

/** One field in which two keys differ. */
export interface Difference {
  /** `with.epochs`, `input model`, `code`, `engine.version`, `file cifar10-mini/train.bin`, `env LANG`. */
  readonly field: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Field by field, what makes `after` another computation than `before`. */
export function differences(before: KeyParts, after: KeyParts): Difference[] {
  return [
    ...values('format', before.format, after.format),
    ...values('kind', before.kind, after.kind),
    ...values('version', before.version, after.version),
    ...code(before.code, after.code),
    ...values('with', before.with, after.with),
    ...values('outputs', before.outputs, after.outputs),
    ...inputs(before.inputs, after.inputs),
    ...names('file', before.files, after.files),
    ...values('engine', before.engine, after.engine),
    ...names('env', before.env, after.env),
  ];
}

/** `with.epochs 10 -> 50`, as people read it. */
export function describe(difference: Difference): string {
  const { field, before, after } = difference;
  if (before === null && after === null) return field;
  if (before === null) return `${field} added: ${after}`;
  if (after === null) return `${field} removed (was ${before})`;
  return `${field} ${before} -> ${after}`;
}

function values(field: string, before: Json, after: Json): Difference[] {
  if (isObject(before) && isObject(after)) {
    return union(before, after).flatMap((name) => {
      if (!Object.hasOwn(before, name))
        return [{ field: `${field}.${name}`, before: null, after: show(after[name]!) }];
      if (!Object.hasOwn(after, name))
        return [{ field: `${field}.${name}`, before: show(before[name]!), after: null }];
      return values(`${field}.${name}`, before[name]!, after[name]!);
    });
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const same = common(textOf(before), textOf(after));
  return [{ field, before: show(before, same), after: show(after, same) }];
}

function code(before: KeyParts['code'], after: KeyParts['code']): Difference[] {
  if (!before || !after || before.digest === after.digest) return values('code', !before, !after);
  const changed = union(before.files, after.files).filter(
    (name) => own(before.files, name) !== own(after.files, name),
  );
  const found = [
    ...(changed.length > 0
      ? [{ field: `code changed: ${changed.join(', ')}`, before: null, after: null }]
      : []),
    ...names('package', before.packages, after.packages),
  ];
  return found.length > 0
    ? found
    : [{ field: 'code', before: short(before.digest), after: short(after.digest) }];
}

function inputs(before: KeyParts['inputs'], after: KeyParts['inputs']): Difference[] {
  return union(before, after).flatMap((name) => {
    const old = own(before, name) ?? [];
    const now = own(after, name) ?? [];
    const count = Math.max(old.length, now.length);
    return Array.from({ length: count }, (_, i) => i).flatMap((i): Difference[] => {
      const [a, b] = [old[i], now[i]];
      const field = `input ${name}${count > 1 ? `[${i}]` : ''} ${(b ?? a)!.label}`;
      if (a?.digest === b?.digest) {
        return a!.form === b!.form ? [] : [{ field, before: a!.form || 'none', after: b!.form || 'none' }];
      }
      return [{ field, before: a ? short(a.digest) : null, after: b ? short(b.digest) : null }];
    });
  });
}

function names(
  what: string,
  before: Readonly<Record<string, string | null>>,
  after: Readonly<Record<string, string | null>>,
): Difference[] {
  return union(before, after)
    .filter((name) => own(before, name) !== own(after, name))
    .map((name) => ({
      field: `${what} ${name}`,
      before: Object.hasOwn(before, name) ? short(before[name] ?? 'unset') : null,
      after: Object.hasOwn(after, name) ? short(after[name] ?? 'unset') : null,
    }));
}

/** A digest is recognised by its first digits; other text is shown whole, on one line. */
function short(text: string): string {
  return /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 4)}…` : visible(text);
}

/** Of a long text so much is shown, from shortly before the first difference. */
const longest = 60;
const leadIn = 12;

/** On one line: line breaks and other control characters as pictures. */
function show(value: Json, from = 0): string {
  const text = textOf(value);
  const start = text.length > longest && from > longest / 2 ? from - leadIn : 0;
  const rest = text.slice(start);
  const cut = rest.length > longest ? `${rest.slice(0, longest - 3)}…` : rest;
  return visible((start > 0 ? '…' : '') + cut);
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** How many characters two texts begin with in common. */
function common(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** Names are the user's, and may be those that every object inherits. */
function own<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
