import PQueue from 'p-queue';
import type { Resources } from '../kind/stage-kind.ts';

type Job = () => Promise<unknown>;
interface Waiting {
  readonly job: Job;
  readonly priority: number;
  readonly order: number;
  /** Called once, when it is among the next to run. */
  soon: (() => void) | undefined;
}
/** Jobs with the same needs. */
interface Row {
  readonly needs: Resources;
  readonly jobs: Waiting[];
  /** How many of them have been told that they are among the next. */
  told: number;
}
interface Enqueuing {
  readonly priority?: number;
  readonly needs?: Resources;
  readonly soon?: (() => void) | undefined;
}

const resources = ['cpu', 'memory', 'gpu'] as const;

/** So many jobs of each row are told that their turn comes: what they prepare meanwhile is not waited for then. */
const lookAhead = 2;

/**
 * The waiting room of a p-queue whose places are resource tokens instead of a count: `size` and `dequeue` see only
 * jobs that fit into what is free now. Jobs with the same needs wait in one row (there are few different needs and
 * may be many thousand jobs), highest priority first, then first come first served.
 */
class TokenQueue {
  readonly free: { cpu: number; memory: number; gpu: number };
  readonly #rows = new Map<string, Row>();
  #order = 0;

  constructor(total: Resources) {
    this.free = { ...total };
  }

  enqueue(job: Job, options?: Enqueuing): void {
    const needs = options?.needs ?? { cpu: 1, memory: 0, gpu: 0 };
    const shape = `${needs.cpu}/${needs.memory}/${needs.gpu}`;
    let row = this.#rows.get(shape);
    if (!row) this.#rows.set(shape, (row = { needs, jobs: [], told: 0 }));
    const waiting = { job, priority: options?.priority ?? 0, order: this.#order++, soon: options?.soon };
    // A binary heap would do; sorted insertion keeps equal priorities in order and rows are appended to mostly.
    let at = row.jobs.length;
    while (at > 0 && row.jobs[at - 1]!.priority < waiting.priority) at--;
    row.jobs.splice(at, 0, waiting);
  }

  get size(): number {
    return this.#next() ? 1 : 0;
  }

  dequeue(): Job | undefined {
    const row = this.#next();
    if (!row) return undefined;
    this.#move(row.needs, -1);
    const { job, soon } = row.jobs.shift()!;
    // What was told is called no more, and forgotten.
    if (soon === undefined) row.told = Math.max(0, row.told - 1);
    setImmediate(() => tellNext(row));
    return job;
  }

  release(needs: Resources): void {
    this.#move(needs, +1);
  }

  filter(): Job[] {
    return [...this.#rows.values()].flatMap((row) => row.jobs.map((waiting) => waiting.job));
  }

  setPriority(): void {
    throw new Error('priorities are given when a stage is queued');
  }

  /**
   * The first job that fits, unless a more urgent one waits for the tokens that it would take: small jobs could pass a
   * large one for ever. What the large one has enough of, anybody may take.
   */
  #next(): Row | undefined {
    const rows = [...this.#rows.values()].filter(({ jobs }) => jobs.length > 0).sort(byUrgency);
    return rows.find(
      (row, i) =>
        this.#fits(row.needs) &&
        !rows
          .slice(0, i)
          .some((other) => other.jobs[0]!.priority > row.jobs[0]!.priority && this.#delays(row, other)),
    );
  }

  /** Whether jobs of a row take some of what those of another lack. (All of these wait: they do not fit.) */
  #delays({ needs }: Row, { needs: wanted }: Row): boolean {
    return resources.some((name) => needs[name] > 0 && wanted[name] > this.free[name]);
  }

  #fits(needs: Resources): boolean {
    return resources.every((name) => needs[name] <= this.free[name]);
  }

  #move(needs: Resources, sign: 1 | -1): void {
    for (const name of resources) this.free[name] += sign * needs[name];
  }
}

function byUrgency(a: Row, b: Row): number {
  const [one, other] = [a.jobs[0]!, b.jobs[0]!];
  return other.priority - one.priority || one.order - other.order;
}

function tellNext(row: Row): void {
  for (let i = 0; i < row.jobs.length && row.told < lookAhead; i++) {
    const waiting = row.jobs[i]!;
    const { soon } = waiting;
    if (soon === undefined) continue;
    waiting.soon = undefined;
    row.told++;
    soon();
  }
}

/** Runs jobs as soon as the tokens they need are free. */
export class TokenPool {
  readonly #waiting: TokenQueue;
  readonly #queue: PQueue<never>;
  readonly #total: Resources;

  constructor(total: Resources) {
    this.#total = total;
    const waiting = new TokenQueue(total);
    this.#waiting = waiting;
    this.#queue = new PQueue({
      concurrency: Number.POSITIVE_INFINITY,
      // p-queue makes the queue itself; this hands it ours.
      queueClass: class {
        constructor() {
          // biome-ignore lint/correctness/noConstructorReturn: the one way to give p-queue a queue with arguments
          return waiting;
        }
      } as never,
    });
  }

  /**
   * Needs beyond the machine's total are cut to it: such a job runs alone. The tokens come back when the job ends, or
   * when it says so itself because what is left needs none. `soon` may be called once before it starts, when few others
   * are before it.
   */
  run<Result>(
    needs: Resources,
    priority: number,
    job: (giveBack: () => void) => Promise<Result>,
    soon: () => void = () => {},
  ): Promise<Result> {
    const cut = {
      cpu: Math.min(needs.cpu, this.#total.cpu),
      memory: Math.min(needs.memory, this.#total.memory),
      gpu: Math.min(needs.gpu, this.#total.gpu),
    };
    return new Promise<Result>((resolve, reject) => {
      const holding = (): Promise<void> =>
        new Promise((released) => {
          let held = true;
          const giveBack = (): void => {
            if (!held) return;
            held = false;
            this.#waiting.release(cut);
            released();
          };
          job(giveBack).finally(giveBack).then(resolve, reject);
        });
      // p-queue looks for the next job when this one's promise settles.
      this.#queue.add(holding as never, { priority, needs: cut, soon } as never).catch(reject);
    });
  }
}
