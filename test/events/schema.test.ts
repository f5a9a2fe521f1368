import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/events/event.ts';
import { eventSchema } from '../../src/events/schema.ts';

const file = new URL('../../schema/event.schema.json', import.meta.url);

describe('the schema of events', () => {
  it('is the committed one (UPDATE_SCHEMA=1 writes it)', () => {
    const text = `${JSON.stringify(eventSchema(), null, 2)}\n`;
    if (process.env.UPDATE_SCHEMA === '1') writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('takes real events and refuses what is none', () => {
    const validate = new Ajv2020().compile(eventSchema());
    const events: RunEvent[] = [
      {
        type: 'stage-failed',
        stage: 's',
        code: 'timed-out',
        message: 'm',
        at: { file: 'p.yaml', line: 1, column: 1, length: 1 },
        wallMs: 1.5,
      },
      {
        type: 'diagnostic',
        diagnostic: {
          severity: 'error',
          code: 'x',
          message: 'm',
          at: { file: 'f', line: 1, column: 1, length: 1 },
        },
      },
      { type: 'expectation', stage: 's', fact: 'f', expected: ['a'], actual: null, held: false },
    ];
    for (const event of events) expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ type: 'stage-failed', stage: 's' })).toBe(false);
    expect(validate({ type: 'no-event' })).toBe(false);
  });
});
