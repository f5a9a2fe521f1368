import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/events/event.ts';
import { runPipeline } from '../../src/run/run.ts';
import { fastFolder } from '../support/fast-folder.ts';

/**
 * Random pipelines of programs, edited at random, against an oracle of what must run. Each stage is a pure function:
 * it writes its salt, and how many lines each input has, modulo 3, so that many changes of an input change no output
 * and early cutoff has work to do. The oracle computes the same function and remembers every (function, inputs) it
 * has seen: exactly what it has not seen must run.
 */
interface Stage {
  salt: number;
  /** Earlier stages by index, as one list input. */
  readonly from: readonly number[];
  /** Sources by index. */
  readonly sources: readonly number[];
  title: number;
  expectation: number;
}
interface World {
  readonly stages: Stage[];
  readonly sources: number[];
  comment: number;
  profile: number;
  reversed: boolean;
}
type Edit = readonly [kind: string, which: number, value: number];

const stageArbitrary = (index: number): fc.Arbitrary<Stage> =>
  fc.record({
    salt: fc.nat(2),
    from: fc.uniqueArray(fc.nat(Math.max(0, index - 1)), { maxLength: index === 0 ? 0 : 3 }),
    sources: fc.uniqueArray(fc.nat(2), { maxLength: 2 }),
    title: fc.constant(0),
    expectation: fc.constant(0),
  });
const worldArbitrary: fc.Arbitrary<World> = fc.integer({ min: 3, max: 9 }).chain((count) =>
  fc.record({
    stages: fc.tuple(...Array.from({ length: count }, (_, index) => stageArbitrary(index))),
    sources: fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)),
    comment: fc.constant(0),
    profile: fc.constant(0),
    reversed: fc.constant(false),
  }),
);
const editArbitrary: fc.Arbitrary<Edit> = fc.tuple(
  fc.constantFrom(
    'source',
    'source',
    'touch',
    'salt',
    'comment',
    'profile',
    'title',
    'expect',
    'order',
    'revert',
  ),
  fc.nat(100),
  fc.nat(5),
);

function apply(world: World, [kind, which, value]: Edit): void {
  const stage = world.stages[which % world.stages.length]!;
  if (kind === 'source') world.sources[which % world.sources.length] = value;
  else if (kind === 'salt') stage.salt = value % 3;
  else if (kind === 'title') stage.title++;
  else if (kind === 'expect') stage.expectation++;
  else if (kind === 'comment') world.comment++;
  else if (kind === 'profile') world.profile++;
  else if (kind === 'order') world.reversed = !world.reversed;
}

/** The content of a source: lines, so that its count is its value; the text differs where the count is the same mod 3. */
const sourceText = (value: number): string => 'line\n'.repeat(value);

function yamlOf(world: World): string {
  const stages = world.stages.map(({ salt, from, sources, title, expectation }, index) => {
    const inputs = [
      ...(from.length > 0 ? [`in: [${from.map((each) => `s${each}`).join(', ')}]`] : []),
      ...sources.map((source) => `f${source}: { file: source-${source}.txt }`),
    ];
    const names = inputs.map((input) => `\${{ inputs.${input.split(':')[0]} }}`).join(' ');
    return `  s${index}:
    title: title ${title}
    command: |
      { echo ${salt}; for f in ${names}; do n=$(wc -l < $f); i=0; while [ $i -lt $((n % 3)) ]; do echo x; i=$((i+1)); done; done; } > \${{ outputs.out }}
${inputs.length > 0 ? `    inputs: { ${inputs.join(', ')} }\n` : ''}    outputs: { out: out.txt }
${expectation > 0 ? `    caption: Expected ${expectation}\n` : ''}`;
  });
  if (world.reversed) stages.reverse();
  return `# comment ${world.comment}\npipeline: p\nparams: { unused: 1 }\nprofiles:\n  name${world.profile}: { unused: 2 }\nstages:\n${stages.join('')}`;
}

/** What each stage gives, and the function and inputs that give it. */
function oracle(world: World): { readonly output: string; readonly trace: string }[] {
  const results: { output: string; trace: string }[] = [];
  for (const { salt, from, sources } of world.stages) {
    const inputs = [
      ...from.map((each) => results[each]!.output),
      ...sources.map((source) => sourceText(world.sources[source]!)),
    ];
    const lines = inputs.map((text) => 'x\n'.repeat((text.split('\n').length - 1) % 3));
    // The names of the inputs are in the program's text; which source it is called by counts, what made a list does not.
    const trace = JSON.stringify([salt, from.length, sources, inputs]);
    results.push({ output: `${salt}\n${lines.join('')}`, trace });
  }
  return results;
}

async function check(world: World, edits: readonly Edit[]): Promise<void> {
  const folder = mkdtempSync(join(fastFolder, 'orograph-random-'));
  const workspace = {
    root: folder,
    cache: join(folder, 'cache'),
    artifacts: join(folder, 'artifacts'),
    jobs: 2,
  };
  mkdirSync(folder, { recursive: true });
  const seen = new Set<string>();
  const history: World[] = [];
  const known: (number | undefined)[] = [];
  try {
    for (const edit of [['start', 0, 0] as Edit, ...edits]) {
      if (edit[0] === 'revert' && history.length > 0)
        Object.assign(world, structuredClone(history[edit[1] % history.length]));
      else apply(world, edit);
      history.push(structuredClone(world));
      world.sources.forEach((value, index) => {
        const path = join(folder, `source-${index}.txt`);
        if (known[index] !== value) writeFileSync(path, sourceText(value));
        else if (edit[0] === 'touch') utimesSync(path, new Date(), new Date());
        known[index] = value;
      });
      writeFileSync(join(folder, 'p.yaml'), yamlOf(world));
      const right = oracle(world);
      const mustRun = new Set(right.map(({ trace }) => trace).filter((trace) => !seen.has(trace)));
      const events: RunEvent[] = [];
      const result = await runPipeline({
        workspace,
        file: 'p.yaml',
        cwd: folder,
        subscriber: (event) => events.push(event),
        ...(world.profile > 0 && { profile: `name${world.profile}` }),
      });
      expect(result.exitCode, JSON.stringify(events)).toBe(0);
      const ran = events.flatMap((event) =>
        event.type === 'stage-started' ? [Number(event.stage.slice(1))] : [],
      );
      expect(ran.map((index) => right[index]!.trace).sort(), `after ${edit}`).toEqual([...mustRun].sort());
      for (const { trace } of right) seen.add(trace);
      right.forEach(({ output }, index) => {
        expect(readFileSync(join(workspace.artifacts, 'p', `s${index}`, 'out.txt'), 'utf8')).toBe(output);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('random pipelines after random edits', () => {
  it('run exactly the stages whose function or inputs were never seen, and publish what is right', async () => {
    await fc.assert(
      fc.asyncProperty(worldArbitrary, fc.array(editArbitrary, { minLength: 5, maxLength: 5 }), check),
      { numRuns: Number(process.env.OROGRAPH_RANDOM_PIPELINES ?? 40), seed: 20_260_101, endOnFailure: false },
    );
  }, 600_000);
});
