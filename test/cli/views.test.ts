import { describe, expect, it } from 'vitest';
import { canRedraw, displayWidth, noPaint, wantsColour } from '../../src/cli/terminal.ts';
import { lastingLines, liveBlock } from '../../src/cli/views/live.ts';
import { plainView } from '../../src/cli/views/plain.ts';
import { initialState, pace, reduce } from '../../src/cli/views/state.ts';
import { lastLine, summaryLines } from '../../src/cli/views/summary.ts';
import type { RunEvent } from '../../src/events/event.ts';

const started: RunEvent = {
  type: 'run-started',
  run: 'r1',
  pipeline: 'fig07',
  file: 'pipelines/fig07.yaml',
  stages: 4,
  engine: 'wasm',
  jobs: 2,
};
const start = (stage: string): RunEvent => ({
  type: 'stage-started',
  stage,
  key: 'k',
  kind: 'train',
  reason: 'never ran',
  attempt: 1,
});
const progress = (stage: string, done: number, total = 50): RunEvent => ({
  type: 'stage-progress',
  stage,
  done,
  total,
  unit: 'epochs',
});
const finished: RunEvent = {
  type: 'run-finished',
  run: 'r1',
  executed: 1,
  cached: 1,
  failed: 1,
  skipped: 1,
  interrupted: false,
  expectationsMissed: 1,
  wallMs: 4210,
  record: null,
};

/** Events as [milliseconds, event]. */
function play(...events: (readonly [number, RunEvent])[]) {
  const state = initialState();
  const plain = plainView(noPaint, false);
  const lines: string[] = [];
  const lasting: string[] = [];
  for (const [now, event] of events) {
    lines.push(...plain(state, event, now));
    lasting.push(...lastingLines(state, event, noPaint));
    reduce(state, event, now);
  }
  return { state, lines, lasting };
}

describe('colours and redrawing', () => {
  const wish = (env: Record<string, string>, tty = true, noColor = false) =>
    wantsColour({ noColor, tty, env });

  it('follow --no-color, then FORCE_COLOR, then NO_COLOR, then what the stream is', () => {
    expect(wish({})).toBe(true);
    expect(wish({}, false)).toBe(false);
    expect(wish({ TERM: 'dumb' })).toBe(false);
    expect(wish({ NO_COLOR: '1' })).toBe(false);
    expect(wish({ NO_COLOR: '' })).toBe(true);
    expect(wish({ NO_COLOR: '1', FORCE_COLOR: '1' }, false)).toBe(true);
    expect(wish({ FORCE_COLOR: '0' })).toBe(false);
    expect(wish({ FORCE_COLOR: '1' }, true, true)).toBe(false);
  });

  it('are for a terminal that somebody watches', () => {
    expect(canRedraw(true, {})).toBe(true);
    expect(canRedraw(false, {})).toBe(false);
    expect(canRedraw(true, { TERM: 'dumb' })).toBe(false);
    expect(canRedraw(true, { CI: 'true' })).toBe(false);
    expect(canRedraw(true, { CI: 'false' })).toBe(true);
  });
});

const at = { file: 'p.yaml', line: 7, column: 3, length: 5 };

describe('the state of a run', () => {
  it('counts what became of each stage', () => {
    const { state } = play(
      [0, started],
      [1, { type: 'stage-cached', stage: 'a', key: 'k', facts: { category: 'v-basin' } }],
      [1, start('b')],
      [1, start('c')],
      [5, { type: 'stage-finished', stage: 'b', key: 'k', wallMs: 4 }],
      [6, { type: 'stage-failed', stage: 'c', code: 'timed-out', message: 'no', at, wallMs: 5 }],
      [7, { type: 'stage-skipped', stage: 'd', reason: 'c failed' }],
    );
    expect(state).toMatchObject({ executed: 1, cached: 1, failed: 1, skipped: 1 });
    expect(state.running.size).toBe(0);
    expect(state.facts.get('a')).toEqual({ category: 'v-basin' });
  });

  it('keeps of what a stage printed what a terminal would show, and nothing that steers it', () => {
    const { state, lasting } = play(
      [0, started],
      [0, start('b')],
      [
        1,
        {
          type: 'stage-output',
          stage: 'b',
          stream: 'stderr',
          text: ' 10%|#\r\u001b[31m 99%|###\u001b[0m\r\n\u001b[2J\u001b]0;title\u0007end\u0008\n',
        },
      ],
      [
        5,
        {
          type: 'stage-failed',
          stage: 'b',
          code: 'stage-threw',
          message: 'no\u001b[2J\nmore',
          at,
          wallMs: 5,
        },
      ],
    );
    expect(state.failed).toBe(1);
    expect(lasting).toEqual([
      '✗ b failed after 0.0 s: no␛[2J [stage-threw]',
      '    more',
      '    declared at p.yaml:7:3',
      '    the last it printed:',
      '    │  99%|###',
      '    │ end␈',
    ]);
  });

  it('shows notes, reasons and units of a stage on one line each', () => {
    const events: (readonly [number, RunEvent])[] = [
      [0, started],
      [0, { ...start('b'), reason: 'with.command a\nb -> c' } as RunEvent],
      [40_000, { ...progress('b', 1), unit: 'x\ny', note: 'loss\r1' } as RunEvent],
    ];
    const { state, lines } = play(...events);
    const block = liveBlock(state, 41_000, { columns: 120, rows: 24 }, noPaint);
    for (const line of [...lines, ...block]) expect(line).not.toMatch(/\p{Cc}/u);
    expect(lines[1]).toBe('b: started (with.command a␊b -> c)');
    expect(lines[2]).toBe('b: 2 %, 1/50 x␊y, loss␍1');
  });

  it('measures the pace from where a stage went on, not from zero', () => {
    const { state } = play(
      [0, started],
      [0, start('b')],
      [1000, progress('b', 40)],
      [3000, progress('b', 44)],
    );
    expect(pace(state.running.get('b')!.progress!, 3000)).toEqual({ rate: 2, leftMs: 3000 });
  });

  it('starts the pace again when another kind of work begins', () => {
    const { state } = play(
      [0, started],
      [0, start('b')],
      [1000, progress('b', 50)],
      [9000, progress('b', 1, 7)],
    );
    expect(pace(state.running.get('b')!.progress!, 9000)).toBeUndefined();
  });
});

describe('the live view', () => {
  const events: (readonly [number, RunEvent])[] = [
    [0, started],
    [0, { type: 'stage-cached', stage: 'a', key: 'k' }],
    [0, start('model[seed=1]')],
    [0, start('model[seed=2]')],
    [1000, progress('model[seed=1]', 5)],
    [3000, progress('model[seed=1]', 25)],
  ];

  it('shows counts, and of each running stage a bar, a rate and the time left', () => {
    expect(liveBlock(play(...events).state, 3500, { columns: 100, rows: 24 }, noPaint)).toEqual([
      'fig07  ━━━━━━━╸──────────────────────  1/4  0:04  1 cached',
      '  model[seed=1]  ━━━━━━━━────────   50 %  25/50 epochs  8/s  0:03 left',
      '  model[seed=2]  0:04  never ran',
    ]);
  });

  it('never draws a line wider or a block higher than the screen', () => {
    const many = Array.from({ length: 40 }, (_, i): readonly [number, RunEvent] => [
      10,
      start(`long-name-${i}[λ=${i}]`),
    ]);
    const { state } = play(...events, ...many, [
      20,
      { type: 'stage-waiting', stage: 'x', key: 'k', reason: 'y'.repeat(300) },
    ]);
    for (const columns of [20, 33, 60, 79, 80, 200])
      for (const rows of [6, 10, 24, 50]) {
        const block = liveBlock(state, 5000, { columns, rows }, noPaint);
        expect(Math.max(...block.map(displayWidth))).toBeLessThan(columns + 1);
        expect(block.length).toBeLessThan(rows);
      }
  });

  it('leaves a line for each stage that ran, and everything about one that failed', () => {
    const { lasting } = play(
      ...events,
      [4000, { type: 'stage-output', stage: 'model[seed=2]', stream: 'stderr', text: 'one\ntwo\n' }],
      [
        4100,
        {
          type: 'stage-failed',
          stage: 'model[seed=2]',
          code: 'command-failed',
          message: 'exit code 3',
          expected: 'exit code 0',
          hint: 'see two',
          at,
          log: 'l.log',
          wallMs: 4100,
        },
      ],
      [5000, { type: 'stage-finished', stage: 'model[seed=1]', key: 'k', wallMs: 61_000 }],
    );
    expect(lasting).toEqual([
      '✗ model[seed=2] failed after 4.1 s: exit code 3 [command-failed]',
      '    declared at p.yaml:7:3',
      '    the last it printed:',
      '    │ one',
      '    │ two',
      '    expected: exit code 0',
      '    hint: see two',
      '    log: l.log',
      '✓ model[seed=1]  1 min 01 s',
    ]);
  });

  it('leaves out what V8 prints of a heap that is used up', () => {
    const { lasting } = play(
      ...events,
      [4000, { type: 'stage-output', stage: 'model[seed=2]', stream: 'stderr', text: ' 1: 0xb9a node::\n' }],
      [
        4100,
        {
          type: 'stage-failed',
          stage: 'model[seed=2]',
          code: 'heap-exhausted',
          message: 'no',
          at,
          wallMs: 1,
        },
      ],
    );
    expect(lasting).toEqual([
      '✗ model[seed=2] failed after 0.0 s: no [heap-exhausted]',
      '    declared at p.yaml:7:3',
    ]);
  });

  it('is gone when the run is', () => {
    expect(liveBlock(play(...events, [9, finished]).state, 10, { columns: 80, rows: 24 }, noPaint)).toEqual(
      [],
    );
  });
});

describe('the plain lines', () => {
  it('tell of a long stage every half minute, and nothing of cached ones', () => {
    const { lines } = play(
      [0, started],
      [0, { type: 'stage-cached', stage: 'a', key: 'k' }],
      [0, start('b')],
      ...Array.from({ length: 50 }, (_, i) => [i * 1500, progress('b', i + 1)] as const),
      [75_000, { type: 'stage-finished', stage: 'b', key: 'k', wallMs: 75_000 }],
    );
    expect(lines).toEqual([
      'fig07: 4 stages, engine wasm, 2 at once',
      'b: started (never ran)',
      'b: 42 %, 21/50 epochs',
      'b: 82 %, 41/50 epochs',
      'b: done in 1 min 15 s',
    ]);
  });

  it('cut a long reason short', () => {
    const reason = Array.from({ length: 12 }, (_, i) => `file data/images/${i}.png added: 1919…`).join('; ');
    const { lines } = play([0, started], [0, { ...start('b'), reason } as RunEvent]);
    expect(lines.at(-1)).toMatch(/^b: started \(file data\/images\/0\.png added: 1919…; .*…\)$/);
    expect(lines.at(-1)!.length).toBe('b: started ()'.length + 120);
  });
});

describe('the summary', () => {
  it('says where the figures are, what was found and what held', () => {
    const { state } = play(
      [0, started],
      [0, { type: 'stage-cached', stage: 'curve', key: 'k', facts: { category: 'w-basin', points: 61 } }],
      [
        0,
        {
          type: 'expectation',
          stage: 'curve',
          fact: 'category',
          expected: 'w-basin',
          actual: 'w-basin',
          held: true,
        },
      ],
      [
        0,
        {
          type: 'expectation',
          stage: 'far',
          fact: 'category',
          expected: ['v-basin', 'v-side'],
          actual: null,
          held: false,
        },
      ],
      [
        0,
        {
          type: 'expectation',
          stage: 'top',
          fact: 'largest',
          expected: { min: 0 },
          actual: 46.7101,
          held: true,
        },
      ],
      [0, { type: 'artifact', stage: 'figure', output: 'svg', path: '/w/artifacts/f/figure/svg.svg' }],
      [9, finished],
    );
    expect(summaryLines(state, '/w', noPaint)).toEqual([
      '',
      'Figure',
      '  artifacts/f/figure/svg.svg',
      '',
      'Found',
      '  curve  points 61',
      '',
      'Expected',
      '  ✓  curve  category  w-basin          held',
      '  ✗  far    category  v-basin, v-side  missed: it is not told',
      '  ✓  top    largest   min: 0           held: it is 46.71',
      '',
    ]);
  });

  it('ends with the same words in every run', () => {
    expect(lastLine({ executed: 3, cached: 9, failed: 0, skipped: 0, wallMs: 4210 })).toBe(
      '12 stages: 3 executed, 9 cached, 0 failed, 0 skipped in 4.2 s',
    );
  });
});
