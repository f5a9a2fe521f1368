import { UserError } from '../diagnostics/diagnostic.ts';
import { availableEngines, engineIdentity } from '../engine/engine.ts';
import type { EngineSpec } from '../kind/stage-kind.ts';
import type { Instance, Plan } from '../plan/plan.ts';

/** Turns the engines that a pipeline asks for into those that are here. One object an engine, whoever asks. */
export class Engines {
  readonly #root: string;
  readonly #plan: Plan;
  readonly #override: string | undefined;
  readonly #chosen = new Map<string, EngineSpec>();

  /** @param override the command line's `--engine`, which beats what the file says. */
  constructor(plan: Plan, override: string | undefined) {
    this.#root = plan.root;
    this.#plan = plan;
    this.#override = override;
    if (override !== undefined) this.#choose(override);
  }

  of(instance: Instance): EngineSpec | null {
    return instance.tensors ? this.#choose(this.#override ?? instance.engine ?? this.#plan.engine) : null;
  }

  #choose(asked: string): EngineSpec {
    let spec = this.#chosen.get(asked);
    if (spec) return spec;
    const reports = availableEngines(this.#root);
    const names = reports.map((report) => report.name);
    // In the order of speed: the last that is here is the fastest.
    const fastest = reports.findLast((report) => report.available)?.name;
    const name = asked === 'auto' ? fastest : names.find((n) => n === asked);
    if (!name) {
      throw new UserError({
        severity: 'error',
        code: 'unknown-engine',
        message: `there is no engine "${asked}"`,
        expected: `one of auto, ${names.join(', ')}`,
      });
    }
    spec = [...this.#chosen.values()].find((known) => known.name === name) ?? {
      name,
      identity: engineIdentity(name, this.#root),
    };
    this.#chosen.set(asked, spec);
    return spec;
  }
}
