import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { canSeeProcesses, looksLikeABug, Workshop } from '../support/reliability-rig.ts';

let workshop: Workshop;
afterAll(() => workshop?.remove());

const shared = 12;
/** Stages that all pipelines have in common, in an order of its own for each, and one that only this one has. */
function pipeline(name: string, turn: number): string {
  const numbers = Array.from({ length: shared }, (_, i) => (i * 5 + turn * 3) % shared);
  const stages = numbers.map(
    (n) => `  s${n}:
    command: echo s${n} >> "$TALLY"; sleep 0.1; echo ${n} > \${{ outputs.out }}
    outputs: { out: out.txt }
    env: [TALLY]
`,
  );
  return `pipeline: ${name}
stages:
${stages.join('')}  all:
    command: echo all >> "$TALLY"; cat \${{ inputs.in }} > \${{ outputs.out }}
    inputs: { in: [${numbers
      .map((n) => n)
      .sort((a, b) => a - b)
      .map((n) => `s${n}`)
      .join(', ')}] }
    outputs: { out: out.txt }
    env: [TALLY]
  own:
    command: echo own-${name} >> "$TALLY"; { echo ${name}; cat \${{ inputs.in }}; } > \${{ outputs.out }}
    inputs: { in: all }
    outputs: { out: out.txt }
    env: [TALLY]
`;
}

describe('four runs on one cache at once', () => {
  it('compute each key once, also when one of them is killed, and publish what is right', async () => {
    const names = ['a', 'b', 'c', 'd'];
    workshop = new Workshop(
      'shared',
      Object.fromEntries(names.map((name, i) => [`${name}.yaml`, pipeline(name, i)])),
    );
    const runs = names.map((name) => workshop.start(['run', `${name}.yaml`, '--json', '--jobs', '2']));
    const [victim] = runs;
    // In the midst of its work: it has finished something and is at something else.
    await victim!.event(({ type }) => type === 'stage-finished');
    await sleep(30);
    victim!.child.kill('SIGKILL');
    const ended = await Promise.all(runs.map((run) => run.ended));
    expect(ended[0]!.signal).toBe('SIGKILL');
    for (const each of ended) {
      expect(looksLikeABug(each)).toBeUndefined();
      expect(each.stdout + each.stderr).not.toMatch(/database is locked|SQLITE_BUSY/);
    }
    for (const each of ended.slice(1)) expect(each.code, each.stdout + each.stderr).toBe(0);
    expect((await workshop.run('a.yaml')).code).toBe(0);
    const twice = new Set(workshop.tally().filter((line) => workshop.count(line) > 1));
    // What the killed one was at: it had two jobs, and results of at most four stages on their way to the disk.
    expect(twice.size, `computed twice: ${[...twice]}`).toBeLessThanOrEqual(6);
    for (const line of twice) expect(workshop.count(line)).toBe(2);
    const finished = ended[0]!.events.flatMap((event) =>
      event.type === 'stage-finished' ? [event.stage] : [],
    );
    for (const stage of finished) {
      const line = stage === 'own' ? 'own-a' : stage;
      expect(workshop.count(line), `${stage} was finished`).toBe(1);
    }
    const numbers = Array.from({ length: shared }, (_, n) => `${n}\n`);
    const expected = Object.fromEntries(
      names.flatMap((name) => [
        ...numbers.map((text, n) => [`${name}/s${n}/out.txt`, text]),
        [`${name}/all/out.txt`, numbers.join('')],
        [`${name}/own/out.txt`, `${name}\n${numbers.join('')}`],
      ]),
    );
    expect(workshop.outputs()).toEqual(expected);
    expect(await workshop.damage()).toEqual([]);
    if (canSeeProcesses) expect(await workshop.orphans()).toEqual([]);
  });
});
