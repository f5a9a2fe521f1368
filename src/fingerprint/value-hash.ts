import objectHash from 'object-hash';
import { digestOf } from '../util/digest.ts';
import type { Json } from '../util/json.ts';

/**
 * sha256 of a plain value, the same for every order of keys.
 *
 * The one door to object-hash. That library hashes whatever JavaScript holds; here only JSON may pass, because NaN,
 * Infinity, undefined, Map and -0 either collide or differ in ways no reader of a key would expect.
 */
export function hashOfValue(value: Json): string {
  // `passthrough` gives the text that the library would hash piece by piece; hashing it at once takes half the time.
  return digestOf(objectHash(checked(value, '') as never, { algorithm: 'passthrough', respectType: false }));
}

function checked(value: unknown, path: string): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`cannot hash ${value} at ${path || '/'}`);
    return value === 0 ? 0 : value;
  }
  if (Array.isArray(value)) return value.map((item, i) => checked(item, `${path}/${i}`));
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, checked(item, `${path}/${name}`)]),
    );
  }
  throw new TypeError(
    `cannot hash ${typeof value === 'object' ? 'an instance of a class' : typeof value} at ${path || '/'}`,
  );
}
