import { longestTimeout, type SettledStage } from '../declare/schema.ts';
import type { Resources, StageKind } from '../kind/stage-kind.ts';

/**
 * What a stage asks for, with units or without, as numbers. A schema bounds plain numbers; texts are held to the same
 * limits here, once their units are gone.
 */

/** Tells that the value at a pointer is none of what is expected. */
export type Refuse = (pointer: string, expected: string) => void;

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

export function timeoutSeconds(timeout: SettledStage['timeout'], refuse: Refuse): number | null {
  if (typeof timeout !== 'string') return timeout ?? null;
  const seconds = Number.parseFloat(timeout) * unitSeconds[/[a-z]+$/.exec(timeout)![0]]!;
  if (seconds === 0 || seconds > longestTimeout)
    refuse('/timeout', `more than 0s, at most ${longestTimeout / unitSeconds.d!}d`);
  return seconds;
}

const megabytes: Readonly<Record<string, number>> = { KB: 1 / 1024, MB: 1, GB: 1024, TB: 1024 * 1024 };

export function resourcesOf(
  fields: SettledStage,
  definition: StageKind | undefined,
  refuse: Refuse,
): Resources {
  const { cpu, memory, gpu } = fields.resources ?? {};
  const preset = { cpu: 1, memory: 0, gpu: 0, ...definition?.resources };
  const size = typeof memory === 'string' ? Number.parseFloat(memory) * megabytes[memory.slice(-2)]! : memory;
  if (size === 0) refuse('/resources/memory', 'more than 0MB');
  return {
    cpu: cpu ?? preset.cpu,
    memory: size === undefined ? preset.memory : Math.ceil(size),
    gpu: gpu ?? preset.gpu,
  };
}
