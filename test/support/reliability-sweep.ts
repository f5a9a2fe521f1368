/**
 * The pipeline that the sweeps disturb, and what must hold after any disturbance. It is as small as it can be with
 * every way of writing in it: programs that fan out and in, a kind of the user's own with sub-results, an output that
 * is a folder, a figure, a file of the workspace as input. Whatever is computed leaves a line in the tally.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import type { RunEvent } from '../../src/events/event.ts';
import { type Ended, looksLikeABug, type Started, Workshop } from './reliability-rig.ts';

export const pipeline = `pipeline: sweep
stages:
  seed:
    command: |
      echo seed >> "$TALLY"
      cat \${{ inputs.source }} > \${{ outputs.text }}
      echo some words for the log
    inputs: { source: { file: source.txt } }
    outputs: { text: text.txt }
    env: [TALLY]
  part:
    matrix: { n: [1, 2] }
    command: |
      echo part-\${{ matrix.n }} >> "$TALLY"
      { echo part \${{ matrix.n }}; cat \${{ inputs.text }}; } > \${{ outputs.piece }}
    inputs: { text: seed }
    outputs: { piece: piece.txt }
    env: [TALLY]
  grid:
    uses: ./kind.ts
    with: { points: 3 }
    inputs: { pieces: part }
    env: [TALLY]
    expect: { points: 3 }
  total:
    command: |
      echo total >> "$TALLY"
      cat \${{ inputs.sum }} \${{ inputs.tables }}/* > \${{ outputs.all }}
    inputs: { sum: grid.sum, tables: grid.tables }
    outputs: { all: all.txt }
    env: [TALLY]
`;

/** Its items are small but one, which is too large for a column and becomes a blob. */
export const kind = `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';

export default defineStage({
  version: 1,
  summary: 'Computes points one by one.',
  with: Type.Object({ points: Type.Integer() }),
  inputs: { pieces: { type: 'file', many: true } },
  outputs: {
    tables: { type: 'table', extension: '.txt', members: ['a', 'b'] },
    sum: { type: 'table', extension: '.txt' },
  },
  async run(context) {
    const tally = (line: string) => appendFileSync(process.env.TALLY!, line + '\\n');
    tally('grid');
    console.log('grid runs');
    const text = context.list('pieces').map((piece) => readFileSync(piece.path!, 'utf8')).join('');
    const points = Array.from({ length: context.params.points }, (_, i) => i);
    const values = await context.memo.each(points, (i) => [text, i], async (i) => {
      tally('item-' + i);
      context.progress(i, points.length, 'points');
      return { value: text.length * i, filler: i === 1 ? 'x'.repeat(20_000) : '' };
    });
    writeFileSync(context.output('tables', 'a'), values.map(({ value }) => value).join(' ') + '\\n');
    writeFileSync(context.output('tables', 'b'), text);
    writeFileSync(context.output('sum'), String(values.reduce((sum, { value }) => sum + value, 0)) + '\\n');
  },
});

export async function facts(outputs: { tables: { members: readonly unknown[] } }) {
  return { points: outputs.tables.members.length + 1 };
}
`;

export const source = 'what it all starts from\n';
/** Instance to its line in the tally. */
export const lineOf: Readonly<Record<string, string>> = {
  seed: 'seed',
  'part[n=1]': 'part-1',
  'part[n=2]': 'part-2',
  grid: 'grid',
  total: 'total',
};
export const items = ['item-0', 'item-1', 'item-2'];

/** A fresh workspace with the pipeline in it. */
export function sweepWorkshop(name: string): Workshop {
  return new Workshop(name, { 'sweep.yaml': pipeline, 'kind.ts': kind, 'source.txt': source });
}

/** A case of a sweep: cache, artifacts and tally of its own in the same workspace. */
export class Case {
  readonly workshop: Workshop;
  readonly name: string;

  constructor(workshop: Workshop, name: string) {
    this.workshop = workshop;
    this.name = name;
    mkdirSync(workshop.path(name), { recursive: true });
  }

  /** The words of its command line. */
  command(words: readonly string[] = []): string[] {
    const folders = ['--cache', join(this.name, 'cache'), '--artifacts', join(this.name, 'artifacts')];
    return ['run', 'sweep.yaml', '--json', '--jobs', '2', ...folders, ...words];
  }

  env(): Record<string, string> {
    return { TALLY: this.workshop.path(`${this.name.replaceAll('/', '-')}.tally`) };
  }

  start(env: Readonly<Record<string, string>> = {}, words: readonly string[] = []): Started {
    return this.workshop.start(this.command(words), { env: { ...this.env(), ...env } });
  }

  run(env: Readonly<Record<string, string>> = {}, words: readonly string[] = []): Promise<Ended> {
    return this.start(env, words).ended;
  }

  tally(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const line of this.workshop.lines(basename(this.env().TALLY!)))
      counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  }

  outputs(): Record<string, string> {
    return this.workshop.outputs(join(this.name, 'artifacts'));
  }

  damage(): Promise<string[]> {
    return existsSync(this.workshop.path(this.name, 'cache'))
      ? this.workshop.damage(join(this.name, 'cache'))
      : Promise.resolve([]);
  }

  /** As if it had never run. */
  clear(): void {
    for (const folder of ['cache', 'artifacts']) this.workshop.removeFolder(join(this.name, folder));
    rmSync(this.env().TALLY!, { force: true });
  }

  remove(): void {
    this.clear();
    this.workshop.removeFolder(this.name);
  }
}

/** Stages that a run has said to have finished. */
export function finishedIn(events: readonly RunEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'stage-finished' ? [event.stage] : []));
}

/**
 * What must hold after a run that was disturbed, and holds the next run to it. `inFlight`: how many stages may have
 * been interrupted at once.
 */
export async function recovers(
  each: Case,
  disturbed: Ended,
  expected: Readonly<Record<string, string>>,
  inFlight = 2,
): Promise<void> {
  const at = `${each.name}: `;
  expect(looksLikeABug(disturbed), `${at}no stack trace`).toBeUndefined();
  const before = each.tally();
  const next = await each.run();
  expect(looksLikeABug(next), `${at}no stack trace in the next run`).toBeUndefined();
  expect(next.code, `${at}the next run\n${next.stdout}${next.stderr}`).toBe(0);
  expect(each.outputs(), `${at}outputs`).toEqual(expected);
  expect(await each.damage(), `${at}verify`).toEqual([]);
  const after = each.tally();
  for (const stage of finishedIn(disturbed.events)) {
    const line = lineOf[stage]!;
    expect(after.get(line), `${at}${stage} was finished`).toBe(before.get(line));
  }
  const again = (lines: readonly string[]): string[] => lines.filter((line) => (after.get(line) ?? 0) > 1);
  const twice = again(Object.values(lineOf));
  expect(twice.length, `${at}computed twice: ${twice}`).toBeLessThanOrEqual(inFlight);
  expect(again(items).length, `${at}items computed twice: ${again(items)}`).toBeLessThanOrEqual(1);
  for (const [line, count] of after) expect(count, `${at}${line}`).toBeLessThanOrEqual(2);
}

/** A place in an undisturbed run where something is about to be, or has been, written. */
export interface Point {
  readonly role: string;
  readonly number: number;
  /** `before rename` and the kind of file: what makes one place different from another. */
  readonly kind: string;
}

/** `OROGRAPH_FULL_SWEEP=1` walks every point and 200 instants, in a quarter of an hour. */
export const fullSweep = process.env.OROGRAPH_FULL_SWEEP === '1';

/** An undisturbed run: its points, and what it publishes. */
export async function countPoints(
  workshop: Workshop,
): Promise<{ points: Point[]; expected: Record<string, string> }> {
  const each = new Case(workshop, 'counted');
  const log = workshop.path('points');
  const ended = await each.run({ OROGRAPH_FAULT: 'count', OROGRAPH_FAULT_LOG: log });
  expect(ended.code, ended.stdout + ended.stderr).toBe(0);
  const points = workshop.lines('points').map((line) => {
    const [role, number, when, what, ...detail] = line.split(' ');
    return {
      role: role!,
      number: Number(number),
      kind: `${role} ${when} ${what} ${shapeOf(detail.join(' '))}`,
    };
  });
  return { points, expected: each.outputs() };
}

/** A path without what differs from stage to stage and from run to run. */
function shapeOf(path: string): string {
  const at = path.search(/\/(cache|artifacts)\//);
  return path
    .slice(Math.max(0, at))
    .replace(/(objects|logs)\/[0-9a-f]{2}/, '$1/..')
    .replace(/[0-9a-f]{8,}(-[\d-]+)?/g, '#')
    .replace(/\/\d+/g, '/N')
    .replace(/\/(run|in)-\d+/g, '/$1')
    .replace(/artifacts\/(?!sweep\/run\.json).*/, 'artifacts/*')
    .replace(/(run|in|N)\/(?!command\.sh)[a-z=./]+$/, '*')
    .replace(/\/\.\.\/.*/, '');
}

/**
 * One point before each kind of write (the last: most has been done by then), and every `step`-th of all. What a write
 * leaves is what the next one finds: the points after writes are left to the full sweep.
 */
export function sampled(points: readonly Point[], step: number): Point[] {
  const byKind = new Map(points.map((point) => [point.kind, point]));
  return points.filter(
    (point, index) =>
      (byKind.get(point.kind) === point && point.kind.includes(' before ')) || index % step === 0,
  );
}
