import { hash } from 'node:crypto';

/** sha256 of bytes, 64 lower-case hexadecimal digits. Names CONTENT. */
export type Digest = string & { readonly __brand: 'Digest' };
/** The hash that decides whether a stage must run. Names a COMPUTATION, never content. */
export type StageKey = string & { readonly __brand: 'StageKey' };
/** The hash of one sub-result inside a stage (a grid point, an epoch): see `Memo`. */
export type ItemKey = string & { readonly __brand: 'ItemKey' };

export function digestOf(bytes: string | Uint8Array): Digest {
  return hash('sha256', bytes) as Digest;
}
