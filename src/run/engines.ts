import { join } from 'node:path';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { autoEngine, availableEngines, engineIdentity } from '../engine/engine.ts';
import type { EngineSpec, OnnxSettings } from '../kind/stage-kind.ts';
import type { EngineChoice, Instance, Plan } from '../plan/plan.ts';

/** Turns the engines that a pipeline asks for into those that are here. One object an engine, whoever asks. */
export class Engines {
  readonly #root: string;
  readonly #plan: Plan;
  readonly #override: EngineChoice | undefined;
  readonly #chosen = new Map<string, EngineSpec>();
  readonly #records: string | undefined;
  #auto: EngineSpec['name'] | undefined;
  /** What was asked for and cannot be had, though something else does. */
  readonly warnings: Diagnostic[] = [];

  /**
   * @param override the command line's `--engine`, which beats what the file says.
   * @param cache where it is remembered which engines load; nothing is remembered without.
   */
  constructor(plan: Plan, override: string | undefined, cache?: string) {
    this.#records = cache === undefined ? undefined : join(cache, 'engines');
    this.#root = plan.root;
    this.#plan = plan;
    this.#override = override === undefined ? undefined : ({ name: override } as EngineChoice);
    if (this.#override) this.#choose(this.#override, undefined);
  }

  of({ tensors, engine, threads }: Instance): EngineSpec | null {
    return tensors ? this.#choose(this.#override ?? engine ?? this.#plan.engine, threads) : null;
  }

  #choose(asked: EngineChoice, threads: number | undefined): EngineSpec {
    const question = JSON.stringify([asked, threads]);
    let spec = this.#chosen.get(question);
    if (spec) return spec;
    const { provider } = asked;
    const name = this.#named(asked.name);
    if (provider !== undefined && name !== 'onnx')
      throw new UserError({
        severity: 'error',
        code: 'unknown-engine',
        message: `the engine "${name}" has no provider "${provider}": only onnx has providers`,
        hint: `engine: { name: onnx, provider: ${provider} }`,
      });
    const onnx: OnnxSettings = {
      ...(provider !== undefined && { provider }),
      ...(threads !== undefined && { threads }),
    };
    const identity = engineIdentity(name, this.#root, onnx);
    spec = {
      name,
      identity,
      ...(name === 'onnx' && Object.keys(onnx).length > 0 && { onnx }),
      ...(threads !== undefined && { threads }),
    };
    this.#chosen.set(question, spec);
    return spec;
  }

  #named(asked: EngineChoice['name']): EngineSpec['name'] {
    if (asked === 'auto') return (this.#auto ??= this.#picked());
    const names = availableEngines(this.#root).map((report) => report.name);
    const name = names.find((n) => n === asked);
    if (name) return name;
    throw new UserError({
      severity: 'error',
      code: 'unknown-engine',
      message: `there is no engine "${asked}"`,
      expected: `one of auto, ${names.join(', ')}`,
    });
  }

  #picked(): EngineSpec['name'] {
    const { name, passedOver } = autoEngine(this.#root, this.#records);
    for (const { name: better, reason } of passedOver)
      this.warnings.push({
        severity: 'warning',
        code: 'engine-passed-over',
        message: `engine: auto picks ${name} in place of ${better}: ${reason}`,
        hint: `orograph doctor tries again; engine: ${name} says the same without this warning`,
      });
    return name;
  }
}
