import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/util/random.ts';
import { canSeeProcesses, mapSome, type Workshop } from '../support/reliability-rig.ts';
import {
  Case,
  countPoints,
  fullSweep,
  type Point,
  recovers,
  sampled,
  sweepWorkshop,
} from '../support/reliability-sweep.ts';

/** Cases at once. */
const width = Number(process.env.OROGRAPH_SWEEP_WIDTH ?? 2);

let workshop: Workshop;
let expected: Record<string, string>;
let points: Point[];
let undisturbedMs: number;
beforeAll(async () => {
  workshop = sweepWorkshop('kill');
  ({ points, expected } = await countPoints(workshop));
  const quiet = new Case(workshop, 'quiet');
  const started = performance.now();
  expect((await quiet.run()).code).toBe(0);
  undisturbedMs = performance.now() - started;
});
afterAll(() => workshop.remove());

async function noOrphans(name: string): Promise<void> {
  if (canSeeProcesses) expect(await workshop.orphans(), `${name}: orphans`).toEqual([]);
}

/** Kills at each point; returns how many were reached. */
async function sweep(role: 'main' | 'worker', chosen: readonly Point[]): Promise<number> {
  let reached = 0;
  await mapSome(chosen, width, async ({ number }) => {
    const each = new Case(workshop, `${role}-${number}`);
    const killed = await each.run({ OROGRAPH_FAULT: `kill@${role}:${number}` });
    if (killed.signal === 'SIGKILL' || killed.code !== 0) reached++;
    await recovers(each, killed, expected);
    each.remove();
  });
  return reached;
}

describe('a run whose process is killed', () => {
  it('goes on after the death of the coordinator at any point of any write', async () => {
    const all = points.filter((point) => point.role === 'main');
    expect(all.length).toBeGreaterThan(150);
    const chosen = fullSweep ? all : sampled(all, 48);
    const reached = await sweep('main', chosen);
    console.log(`coordinator: killed at ${reached} of ${chosen.length} chosen points, ${all.length} in all`);
    // The order of concurrent writes differs from run to run, so that the very last points may not be reached.
    expect(reached).toBeGreaterThan(chosen.length - 6);
    await noOrphans('coordinator');
  }, 3_600_000);

  it('goes on after the death of a worker at any point of any write', async () => {
    const all = points.filter((point) => point.role === 'worker');
    expect(all.length).toBeGreaterThan(15);
    const chosen = fullSweep ? all : sampled(all, 8);
    const reached = await sweep('worker', chosen);
    console.log(`worker: killed at ${reached} of ${chosen.length} chosen points, ${all.length} in all`);
    expect(reached).toBe(chosen.length);
    await noOrphans('worker');
  }, 3_600_000);

  it('goes on after its death at random instants', async () => {
    const random = new Random([20_260_101, 'instants']);
    const count = Number(process.env.OROGRAPH_INSTANTS ?? (fullSweep ? 200 : 8));
    const instants = Array.from({ length: count }, () => random.uniform() * undisturbedMs * 1.05);
    let killed = 0;
    await mapSome([...instants.entries()], width, async ([index, ms]) => {
      const each = new Case(workshop, `instant-${index}`);
      const run = each.start();
      await sleep(ms);
      run.child.kill('SIGKILL');
      const ended = await run.ended;
      if (ended.signal === 'SIGKILL') killed++;
      await recovers(each, ended, expected);
      each.remove();
    });
    console.log(`instants: ${killed} of ${count} runs were killed before their end`);
    expect(killed).toBeGreaterThan(count / 3);
    await noOrphans('instants');
  }, 3_600_000);
});
