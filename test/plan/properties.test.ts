import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Plan } from '../../src/plan/plan.ts';
import { goodPlan } from './workspace.ts';

/** A plan without what may differ between two texts that mean the same. */
function meaning(plan: Plan): unknown {
  const instances = plan.instances
    .map(({ at: _, ...instance }) => instance)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { ...plan, root: '', profile: null, sources: [], instances };
}

type Tree = Record<string, unknown>;

/** The same value with the keys of every mapping in another order. */
function shuffled(value: unknown, next: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, next));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as Tree).map(
    ([key, inner]) => [key, shuffled(inner, next), next()] as const,
  );
  return Object.fromEntries(entries.sort((a, b) => a[2] - b[2]).map(([key, inner]) => [key, inner]));
}

const axis = fc.uniqueArray(fc.integer({ min: -1, max: 4 }), { minLength: 1, maxLength: 4 });

describe('a plan', () => {
  it('does not change with the order of keys, comments, flow style or the name of a profile', async () => {
    await fc.assert(
      fc.asyncProperty(
        axis,
        fc.integer({ min: 1, max: 9 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.boolean(),
        async (seeds, epochs, stream, flow) => {
          const next = () => stream.next().value as number;
          const pipeline = (profile: string): Tree => ({
            pipeline: 'p',
            params: { epochs: 1, rest: { rate: 0.5 } },
            profiles: { [profile]: { epochs, rest: { rate: 0.25 } } },
            stages: {
              // One axis: the order of several decides names, and so means something.
              model: {
                uses: 'train',
                matrix: { seed: seeds },
                with: {
                  network: 'mlp',
                  epochs: '${{ params.epochs }}',
                  rate: '${{ params.rest.rate }}',
                  seed: '${{ matrix.seed }}',
                },
              },
              dir: {
                uses: 'directions',
                inputs: { model: `model[seed=${seeds[0]}].checkpoints/${epochs}` },
                with: { kind: 'gaussian' },
              },
              all: {
                command: 'cat ${{ inputs.a }} > ${{ outputs.o }}',
                inputs: { a: 'model.history' },
                outputs: { o: 'f', p: 'g' },
              },
            },
          });
          const plain = await goodPlan(stringify(pipeline('smoke')), { profile: 'smoke' });
          const other = stringify(shuffled(pipeline('other'), next), flow ? { collectionStyle: 'flow' } : {});
          const commented = flow ? `# a comment\n${other}` : other.replaceAll('\n', ' # a comment\n');
          const changed = await goodPlan(commented, { profile: 'other' });
          expect(meaning(changed)).toEqual(meaning(plain));
        },
      ),
      { numRuns: 30, seed: 7 },
    );
  });

  it('has the instances that nested loops over the axes give', async () => {
    const axes = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), axis), {
      minLength: 1,
      maxLength: 3,
      selector: ([name]) => name,
    });
    const pick = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -1, max: 4 }), {
      minKeys: 1,
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(
        axes,
        fc.array(pick, { maxLength: 4 }),
        fc.array(fc.tuple(...Array.from({ length: 3 }, () => fc.integer({ min: 10, max: 12 }))), {
          maxLength: 2,
        }),
        async (axes, picks, extra) => {
          const names = axes.map(([name]) => name);
          const known = picks.filter((pick) =>
            Object.entries(pick).every(([axis, value]) =>
              axes.some(([name, values]) => name === axis && values.includes(value)),
            ),
          );
          let expected: Record<string, number>[] = [{}];
          for (const [name, values] of axes)
            expected = expected.flatMap((rest) => values.map((value) => ({ ...rest, [name]: value })));
          expected = expected.filter(
            (row) =>
              !known.some((pick) => Object.entries(pick).every(([axis, value]) => row[axis] === value)),
          );
          const include = new Map(
            extra
              .map((values) => names.map((name, i) => [name, values[i]!] as const))
              .map((row) => [JSON.stringify(row), Object.fromEntries(row)]),
          );
          expected.push(...include.values());
          fc.pre(expected.length > include.size);
          const matrix = { ...Object.fromEntries(axes), exclude: known, include: [...include.values()] };
          const text = stringify(
            { pipeline: 'p', stages: { s: { command: 'x', matrix, outputs: { o: 'f' } } } },
            { aliasDuplicateObjects: false },
          );
          const { instances } = await goodPlan(text);
          expect(instances.map((instance) => instance.axes)).toEqual(expected);
          expect(new Set(instances.map(({ folder }) => folder)).size).toBe(expected.length);
        },
      ),
      { numRuns: 100, seed: 8 },
    );
  });
});
