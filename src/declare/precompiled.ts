import type { ValidateFunction } from 'ajv/dist/2020.js';

/**
 * What makes checks that need not be compiled any more, by `nameOfCheck`. The build puts those of the schemas that ship here
 * (scripts/precompile.mjs); where the sources run by themselves there are none, and each is compiled when it is used.
 */
export const precompiled: Readonly<Record<string, () => ValidateFunction>> = {};
