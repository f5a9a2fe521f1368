import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { canSeeProcesses, looksLikeABug, Workshop } from '../support/reliability-rig.ts';

let workshop: Workshop;
afterEach(async () => {
  if (canSeeProcesses) expect(await workshop.orphans(), 'orphans').toEqual([]);
  workshop.remove();
});

/** A stage that is done at once, a program that sleeps, and a kind whose items take their time. */
function slow(): Workshop {
  return new Workshop('interrupt', {
    'p.yaml': `pipeline: p
stages:
  quick:
    command: echo quick >> "$TALLY"; echo quick > \${{ outputs.out }}
    outputs: { out: out.txt }
    env: [TALLY]
  program:
    command: echo program >> "$TALLY"; [ ! -e ${'"$TALLY".slow'} ] || { sleep 400 & sleep 300; }; cat \${{ inputs.in }} > \${{ outputs.out }}
    inputs: { in: quick }
    outputs: { out: out.txt }
    env: [TALLY]
  items:
    uses: ./kind.ts
    inputs: { in: quick }
    env: [TALLY]
`,
    'kind.ts': `import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';
export default defineStage({
  version: 1, summary: 'Items that take their time.', with: Type.Object({}),
  inputs: { in: { type: 'file' } }, outputs: { out: { type: 'file', extension: '.txt' } },
  async run(context) {
    const items = await context.memo.each([0, 1, 2, 3], (i) => i, async (i) => {
      appendFileSync(process.env.TALLY!, 'item-' + i + '\\n');
      context.progress(i, 4, 'items');
      if (i === 2 && existsSync(process.env.TALLY! + '.slow')) await new Promise((done) => setTimeout(done, 1e6));
      return i;
    });
    writeFileSync(context.output('out'), items.join(' '));
  },
});
`,
    'tally.slow': '',
  });
}

async function interrupted(signals: readonly NodeJS.Signals[]) {
  workshop = slow();
  const run = workshop.start(['run', 'p.yaml', '--json', '--jobs', '2']);
  await run.event((event) => event.type === 'stage-started' && event.stage === 'program');
  for (let waited = 0; workshop.count('item-2') === 0 && waited < 600; waited++) await sleep(50);
  for (const signal of signals) {
    run.child.kill(signal);
    await sleep(100);
  }
  const ended = await run.ended;
  expect(looksLikeABug(ended)).toBeUndefined();
  expect(ended.code, ended.stdout + ended.stderr).toBe(130);
  if (canSeeProcesses) expect(await workshop.orphans(), 'orphans').toEqual([]);
  workshop.removeFolder('tally.slow');
  const next = await workshop.run('p.yaml');
  expect(next.code, next.stdout + next.stderr).toBe(0);
  expect(workshop.count('quick')).toBe(1);
  expect(workshop.count('program')).toBe(2);
  expect([0, 1, 2, 3].map((i) => workshop.count(`item-${i}`))).toEqual([1, 1, 2, 1]);
  expect(workshop.outputs()).toEqual({
    'p/quick/out.txt': 'quick\n',
    'p/program/out.txt': 'quick\n',
    'p/items/out.txt': '0 1 2 3',
  });
  expect(await workshop.damage()).toEqual([]);
  return ended;
}

describe('an interrupted run', () => {
  it('by SIGINT stops cleanly: what is finished is kept, items too, and the record is written', async () => {
    const { events } = await interrupted(['SIGINT']);
    expect(events.at(-1)).toMatchObject({
      type: 'run-finished',
      interrupted: true,
      executed: 1,
      failed: 0,
      skipped: 2,
    });
  });

  it('by SIGTERM does the same', async () => {
    const { events } = await interrupted(['SIGTERM']);
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', interrupted: true });
  });

  it('by two SIGINTs ends at once', async () => {
    const { events } = await interrupted(['SIGINT', 'SIGINT']);
    expect(events.at(-1)!.type).not.toBe('run-finished');
  });
});
