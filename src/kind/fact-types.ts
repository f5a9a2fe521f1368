import type { Json } from '../util/json.ts';

/** What a fact is, or each value of one that is a list: a list of texts tells all that it can be, `any` is not checked. */
export type FactType = 'number' | 'boolean' | 'text' | 'any' | readonly string[];

/**
 * A kind's optional named export `factTypes`: every name that its `facts` may give, so that an `expect:` that could
 * never hold is refused before anything runs. A name may end with `*` where the parameters decide how many there are:
 * `explained-*`.
 */
export type FactTypes = Readonly<Record<string, FactType>>;

/** Undefined where there is no such fact. */
export function typeOfFact(name: string, types: FactTypes): FactType | undefined {
  if (Object.hasOwn(types, name)) return types[name];
  const group = Object.keys(types).find(
    (known) => known.endsWith('*') && name.startsWith(known.slice(0, -1)),
  );
  return group === undefined ? undefined : types[group];
}

export function isOfType(value: Json, type: FactType): boolean {
  if (type === 'any') return true;
  if (typeof type !== 'string') return type.includes(value as string);
  return typeof value === (type === 'text' ? 'string' : type);
}

/** What is wrong with an export `factTypes`, in a few words; null where nothing is. */
export function whatIsWrongWith(types: unknown): string | null {
  if (typeof types !== 'object' || types === null || Array.isArray(types))
    return '`factTypes` must be an object: name to type';
  const wrong = Object.entries(types).find(([, type]) => !isFactType(type));
  return wrong
    ? `\`factTypes\` of "${wrong[0]}" must be 'number', 'boolean', 'text', 'any' or a list of texts`
    : null;
}

function isFactType(type: unknown): boolean {
  if (Array.isArray(type)) return type.length > 0 && type.every((text) => typeof text === 'string');
  return ['number', 'boolean', 'text', 'any'].includes(type as string);
}
