import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
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

const options = {
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
  const make = await makeAjv();
  const validate: ValidateFunction = make({ ...options, useDefaults: defaults }).compile(schema);
  return (value) => (validate(value) ? [] : [...(validate.errors ?? [])]);
}
