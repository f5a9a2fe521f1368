import { type TSchema, Type } from 'typebox';
import type { RunEvent } from './event.ts';

/**
 * The JSON Schema of the events, published as `schema/event.schema.json` for those who read `--json`. Fields may be
 * added in later versions, so none are refused.
 */
const text = Type.String();
const natural = Type.Integer({ minimum: 0 });
const milliseconds = Type.Number({ minimum: 0 });
const json = Type.Unsafe<unknown>({ description: 'any JSON value' });
const facts = Type.Record(Type.String(), json, {
  description: 'small named results, e.g. {"category": "w-basin"}',
});
const position = Type.Object({
  file: text,
  line: Type.Integer({ minimum: 1 }),
  column: Type.Integer({ minimum: 1 }),
  length: Type.Integer({ minimum: 1 }),
});
const code = Type.String({ description: 'stable identifier, documented in docs/diagnostics.md' });
const diagnostic = Type.Object({
  severity: Type.Union([Type.Literal('error'), Type.Literal('warning')]),
  code,
  message: text,
  at: Type.Optional(position),
  expected: Type.Optional(text),
  hint: Type.Optional(text),
  related: Type.Optional(Type.Array(Type.Object({ message: text, at: position }))),
});

/** Name, what it means, and its fields besides `type`. */
export const eventSchemas = {
  'run-started': [
    'A pipeline was read and checked, and its run begins.',
    {
      run: text,
      pipeline: text,
      file: text,
      stages: natural,
      engine: text,
      jobs: Type.Integer({ minimum: 1 }),
    },
  ],
  diagnostic: [
    'Something the user should know: a warning, or an error that ends the command.',
    { diagnostic },
  ],
  'stage-cached': [
    'The result of a stage is known; it does not run.',
    { stage: text, key: text, facts: Type.Optional(facts) },
  ],
  'stage-waiting': [
    'Another run on the same cache is computing this stage; its result is taken over.',
    { stage: text, key: text, reason: text },
  ],
  'stage-started': [
    'A stage begins to run, and why. `attempt` counts from 1.',
    { stage: text, key: text, kind: text, reason: text, attempt: Type.Integer({ minimum: 1 }) },
  ],
  'stage-progress': [
    'How far a running stage is: `done` of `total` units.',
    { stage: text, done: Type.Number(), total: Type.Number(), unit: text, note: Type.Optional(text) },
  ],
  'stage-output': [
    'What a stage printed.',
    { stage: text, stream: Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]), text },
  ],
  'stage-retry': [
    'An attempt failed; the next follows after a delay.',
    { stage: text, attempt: Type.Integer({ minimum: 1 }), delayMs: milliseconds, message: text },
  ],
  'stage-finished': [
    'A stage ran and its outputs are stored.',
    { stage: text, key: text, wallMs: milliseconds, facts: Type.Optional(facts) },
  ],
  'stage-facts': [
    'The code that reads facts has changed: these are the new ones of a stage whose result was known.',
    { stage: text, facts },
  ],
  'stage-failed': [
    'A stage failed for good; nothing of it is stored. `at` is where it is declared, `log` the path of what it printed.',
    {
      stage: text,
      code,
      message: text,
      expected: Type.Optional(text),
      hint: Type.Optional(text),
      at: position,
      log: Type.Optional(text),
      wallMs: milliseconds,
    },
  ],
  'stage-skipped': [
    'A stage did not run, because of a failure or an interruption.',
    { stage: text, reason: text },
  ],
  expectation: [
    'Whether a fact is what `expect:` says.',
    { stage: text, fact: text, expected: json, actual: json, held: Type.Boolean() },
  ],
  artifact: ['A figure lies in the artifacts folder.', { stage: text, output: text, path: text }],
  'run-finished': [
    'The last event of a run. `record` is the path of run.json.',
    {
      run: text,
      executed: natural,
      cached: natural,
      failed: natural,
      skipped: natural,
      interrupted: Type.Boolean(),
      expectationsMissed: natural,
      wallMs: milliseconds,
      record: Type.Union([text, Type.Null()]),
    },
  ],
} as const satisfies Record<RunEvent['type'], readonly [string, Record<string, TSchema>]>;

/** The schema of one line of `--json`. */
export function eventSchema() {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'An event of an orograph run',
    ...Type.Union(
      Object.entries(eventSchemas).map(([type, [description, fields]]) =>
        Type.Object({ type: Type.Literal(type), ...(fields as Record<string, TSchema>) }, { description }),
      ),
    ),
  };
}
