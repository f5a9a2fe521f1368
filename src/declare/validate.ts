import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { digestOf } from '../util/digest.ts';
import { precompiled } from './precompiled.ts';
import type { Schema } from './schema-transform.ts';

/** Checks a value, filling in defaults where the schema was prepared for it. Returns the errors; none: the value fits. */
export type Check = (value: unknown) => readonly ErrorObject[];

type Ajv = import('ajv/dist/2020.js').Ajv2020;
let loading: Promise<(options: object) => Ajv> | undefined;

/** ajv is loaded when the first pipeline is checked: commands that read none start without it. */
async function makeAjv(): Promise<(options: object) => Ajv> {
  loading ??= import('./ajv.ts').then(
    ({ Ajv2020 }) =>
      (options) =>
        new Ajv2020(options),
  );
  return loading;
}

export const ajvOptions = {
  allErrors: true,
  verbose: true,
  strict: false,
  validateSchema: false,
  meta: false,
  messages: false,
  // A check runs once or a few thousand times: making its code shorter costs more than it saves.
  code: { optimize: false },
} as const;

/** Compiles a schema. `defaults`: the checked value is changed in place, missing values get their default. */
export async function compile(schema: Schema, { defaults = false } = {}): Promise<Check> {
  const validate = precompiled[nameOfCheck(schema, defaults)]?.() ?? (await compileNow(schema, defaults));
  return (value) => (validate(value) ? [] : [...(validate.errors ?? [])]);
}

/** The same for the same schema, and no other's: schemas are data. */
export function nameOfCheck(schema: Schema, defaults: boolean): string {
  return `check_${digestOf(JSON.stringify([schema, defaults])).slice(0, 32)}`;
}

async function compileNow(schema: Schema, defaults: boolean): Promise<ValidateFunction> {
  const make = await makeAjv();
  return make({ ...ajvOptions, useDefaults: defaults }).compile(schema);
}
