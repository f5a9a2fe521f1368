import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Outcome, schedule, type Task } from '../../src/schedule/schedule.ts';

const one = { cpu: 1, memory: 0, gpu: 0 };
const never = new AbortController().signal;

/** Runs a schedule and says what happened, in order. */
async function trace(
  tasks: readonly Task[],
  options: {
    tokens?: typeof one;
    keepGoing?: boolean;
    signal?: AbortSignal;
    ready?: (task: Task) => boolean;
    run?: (task: Task) => Promise<Outcome>;
    soon?: (task: Task) => void;
  } = {},
) {
  const events: string[] = [];
  let running = 0;
  let most = 0;
  await schedule({
    tasks,
    tokens: options.tokens ?? { cpu: 2, memory: 100, gpu: 1 },
    keepGoing: options.keepGoing ?? false,
    signal: options.signal ?? never,
    ready: options.ready ?? (() => false),
    run: async (task) => {
      running += 1;
      most = Math.max(most, running);
      events.push(`start ${task.id}`);
      await new Promise((resolve) => setImmediate(resolve));
      const outcome = options.run ? await options.run(task) : 'done';
      running -= 1;
      events.push(`${typeof outcome === 'string' ? outcome : 'busy'} ${task.id}`);
      return outcome;
    },
    ...(options.soon && { soon: options.soon }),
    skip: (task, because) => events.push(`skip ${task.id} because of ${because}`),
  });
  return { events, most };
}

const task = (id: string, needs: string[] = [], resources = one): Task => ({ id, needs, resources });

describe('schedule', () => {
  it('starts a task only when all it needs are done, on random graphs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (edges, cpu) => {
          const tasks = edges.map((needs, i) => task(`${i}`, needs.filter((n) => n < i).map(String)));
          const { events, most } = await trace(tasks, { tokens: { cpu, memory: 0, gpu: 0 } });
          const done = new Set<string>();
          for (const event of events) {
            const [what, id] = event.split(' ') as [string, string];
            if (what === 'done') done.add(id);
            else for (const need of tasks[Number(id)]!.needs) expect(done).toContain(need);
          }
          expect(done.size).toBe(tasks.length);
          expect(most).toBeLessThanOrEqual(cpu);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it('never hands out more tokens than there are, and runs a task that wants more than all of them alone', async () => {
    const big = { cpu: 99, memory: 0, gpu: 0 };
    let held = 0;
    const tasks = [task('a'), task('b', [], big), task('c'), task('d', [], big), task('e')];
    await trace(tasks, {
      run: async (t) => {
        held += Math.min(2, t.resources.cpu);
        expect(held).toBeLessThanOrEqual(2);
        await new Promise((resolve) => setImmediate(resolve));
        held -= Math.min(2, t.resources.cpu);
        return 'done';
      },
    });
  });

  it('lets a small task pass a large one that does not fit yet', async () => {
    const tasks = [task('long'), task('large', [], { cpu: 2, memory: 0, gpu: 0 }), task('small')];
    const { events } = await trace(tasks);
    expect(events.indexOf('start small')).toBeLessThan(events.indexOf('start large'));
  });

  it('keeps tokens for a large task that more waits for than for the small ones, which pass it only without them', async () => {
    const small = Array.from({ length: 6 }, (_, i) => task(`small${i}`));
    const started = async (large: typeof one, tokens: typeof one) => {
      const tasks = [...small, task('large', [], large), task('after', ['large'])];
      const { events } = await trace(tasks, { tokens });
      return events.filter((event) => event.startsWith('start')).map((event) => event.slice(6));
    };
    // Two of them run when it comes.
    const all = await started({ cpu: 2, memory: 0, gpu: 0 }, { cpu: 2, memory: 0, gpu: 0 });
    expect(all.indexOf('large')).toBe(2);
    // What it waits for is no core: one it has, and the others need not wait with it.
    const graphics = [
      task('first', [], { cpu: 1, memory: 0, gpu: 1 }),
      task('large', [], { cpu: 1, memory: 0, gpu: 1 }),
      task('after', ['large']),
      ...small,
    ];
    const { events } = await trace(graphics, { tokens: { cpu: 2, memory: 0, gpu: 1 } });
    expect(events.slice(0, 2)).toEqual(['start first', 'start small0']);
  });

  it('skips what depends on a failure and starts nothing more', async () => {
    const tasks = [task('a'), task('b'), task('after-a', ['a']), task('later', ['after-a'])];
    const { events } = await trace(tasks, {
      tokens: one,
      run: async (t) => (t.id === 'a' ? 'failed' : 'done'),
    });
    expect(events).toEqual([
      'start a',
      'failed a',
      'skip after-a because of a',
      'skip later because of a',
      'skip b because of a',
    ]);
  });

  it('finishes what does not depend on a failure when it keeps going', async () => {
    const tasks = [task('a'), task('b'), task('after-a', ['a']), task('after-b', ['b'])];
    const { events } = await trace(tasks, {
      tokens: one,
      keepGoing: true,
      run: async (t) => (t.id === 'a' ? 'failed' : 'done'),
    });
    expect(events).toContain('done after-b');
    expect(events.filter((event) => event.startsWith('skip'))).toEqual(['skip after-a because of a']);
  });

  it('asks again for a task that someone else is at, without holding its tokens', async () => {
    let asked = 0;
    const { events } = await trace([task('theirs'), task('mine')], {
      tokens: one,
      run: async (t) => {
        if (t.id === 'mine') return 'done';
        asked += 1;
        return asked < 3 ? { busy: new Promise((resolve) => setTimeout(resolve, 5)) } : 'done';
      },
    });
    expect(events.filter((event) => event === 'busy theirs')).toHaveLength(2);
    expect(events.indexOf('done mine')).toBeLessThan(events.indexOf('done theirs'));
  });

  it('runs nothing for a task that turns out to be ready', async () => {
    const { events } = await trace([task('a'), task('b', ['a'])], { ready: (t) => t.id === 'a' });
    expect(events).toEqual(['start b', 'done b']);
  });

  it('starts nothing after it is aborted, and names what it left', async () => {
    const controller = new AbortController();
    const { events } = await trace([task('a'), task('b', ['a']), task('c')], {
      tokens: one,
      signal: controller.signal,
      run: async () => {
        controller.abort();
        return 'done';
      },
    });
    expect(events).toEqual(['start a', 'done a', 'skip b because of null', 'skip c because of null']);
  });

  it('passes an unexpected error on after what is running has ended', async () => {
    await expect(
      trace([task('a')], {
        run: async () => {
          throw new Error('a bug');
        },
      }),
    ).rejects.toThrow('a bug');
  });

  it('lets the next task start when tokens are given back early, and waits for the rest', async () => {
    const events: string[] = [];
    let finishFirst = (): void => {};
    await schedule({
      tasks: [task('first'), task('second'), task('after-first', ['first'])],
      tokens: one,
      keepGoing: false,
      signal: never,
      ready: () => false,
      run: async (t, giveBack) => {
        events.push(`start ${t.id}`);
        if (t.id === 'first') {
          giveBack();
          giveBack();
          await new Promise<void>((resolve) => {
            finishFirst = resolve;
          });
        } else if (t.id === 'second') finishFirst();
        events.push(`end ${t.id}`);
        return 'done';
      },
      skip: () => {},
    });
    expect(events.indexOf('start second')).toBeLessThan(events.indexOf('end first'));
    expect(events.indexOf('end first')).toBeLessThan(events.indexOf('start after-first'));
    expect(events).toHaveLength(6);
  });

  it('takes the longest chain of dependents first, then who came first, whatever else it needs', async () => {
    const chain = (name: string, length: number) =>
      Array.from({ length }, (_, i) => task(`${name}${i}`, i === 0 ? [] : [`${name}${i - 1}`]));
    const wide = (id: string) => task(id, [], { cpu: 1, memory: 1, gpu: 0 });
    // The first has the only token when the others begin to wait.
    const tasks = [task('first'), wide('x'), task('y'), ...chain('two', 2), wide('z'), ...chain('three', 3)];
    const { events } = await trace(tasks, { tokens: { cpu: 1, memory: 1, gpu: 0 } });
    expect(events.filter((event) => event.startsWith('start')).map((event) => event.slice(6))).toEqual([
      'first',
      'three0',
      'two0',
      'three1',
      'x',
      'y',
      'z',
      'two1',
      'three2',
    ]);
  });

  it('asks once more whether a task is known when another run that computed it has ended', async () => {
    let asked = 0;
    const { events } = await trace([task('a'), task('b', ['a'])], {
      ready: ({ id }) => id === 'a' && ++asked > 1,
      run: async ({ id }) => (id === 'a' && asked === 1 ? { busy: Promise.resolve() } : 'done'),
    });
    expect(events).toEqual(['start a', 'busy a', 'start b', 'done b']);
  });

  it('takes tokens back once, however often they are given', async () => {
    let [running, most] = [0, 0];
    await schedule({
      tasks: [task('first'), ...Array.from({ length: 5 }, (_, i) => task(`${i}`, ['first']))],
      tokens: one,
      keepGoing: false,
      signal: never,
      ready: () => false,
      run: async (_, giveBack) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        giveBack();
        giveBack();
        return 'done';
      },
      skip: () => {},
    });
    expect(most).toBe(1);
  });

  it('never gives a kind of tokens out twice', async () => {
    for (const kind of ['cpu', 'memory', 'gpu'] as const) {
      const needs = { cpu: 0, memory: 0, gpu: 0, [kind]: 2 };
      const tasks = Array.from({ length: 4 }, (_, i) => task(`${i}`, [], needs));
      const tokens = { cpu: 5, memory: 5, gpu: 5 };
      expect((await trace(tasks, { tokens })).most, kind).toBe(2);
      // More than there are: such a task runs alone.
      expect((await trace(tasks, { tokens: { ...tokens, [kind]: 1 } })).most, kind).toBe(1);
    }
  });

  it('tells at most two waiting tasks of a kind that their turn comes, each once and before it runs', async () => {
    const [told, started]: [string[], string[]] = [[], []];
    let most = 0;
    await schedule({
      tasks: Array.from({ length: 20 }, (_, i) => task(`${i}`)),
      tokens: { cpu: 2, memory: 0, gpu: 0 },
      keepGoing: false,
      signal: never,
      ready: () => false,
      run: async ({ id }) => {
        started.push(id);
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        return 'done';
      },
      soon: ({ id }) => {
        expect(started).not.toContain(id);
        told.push(id);
        most = Math.max(most, told.filter((one) => !started.includes(one)).length);
      },
      skip: () => {},
    });
    expect(most).toBe(2);
    expect(started).toHaveLength(20);
    // The first two had tokens at once.
    expect(told).toEqual(started.slice(2));
  });

  it('tells nobody that his turn comes after a failure', async () => {
    const told: string[] = [];
    const { events } = await trace(
      Array.from({ length: 6 }, (_, i) => task(`${i}`)),
      {
        tokens: one,
        run: async ({ id }) => (id === '1' ? 'failed' : 'done'),
        soon: ({ id }) => told.push(id),
      },
    );
    expect(events.filter((event) => event.startsWith('start'))).toEqual(['start 0', 'start 1']);
    expect(told).toEqual(['1', '2', '3']);
  });

  it('copes with a chain of ten thousand tasks', async () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => task(`${i}`, i > 0 ? [`${i - 1}`] : []));
    const { events } = await trace(tasks, { run: async (t) => (t.id === '5000' ? 'failed' : 'done') });
    expect(events.filter((event) => event.startsWith('skip'))).toHaveLength(4999);
  });
});
