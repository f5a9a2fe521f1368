import Type, { type Static } from 'typebox';
import { UserError } from '../diagnostics/diagnostic.ts';
import { mlp, mlpSchema } from './mlp.ts';
import type { Network, NetworkSpec } from './network.ts';

/** What a pipeline may write after `network:`: a name alone, or an object with the architecture's settings. */
export const networkSchema = Type.Union([Type.Literal('mlp'), mlpSchema], {
  description: 'The architecture: mlp, or an object such as { name: mlp, widths: [128] }.',
});
export type NetworkChoice = Static<typeof networkSchema>;

/** Fills in an architecture's defaults. */
export function resolveNetwork(choice: NetworkChoice, inputs: number, classes: number): NetworkSpec {
  const settings = typeof choice === 'string' ? { name: choice } : choice;
  return { name: settings.name, widths: ('widths' in settings && settings.widths) || [128], inputs, classes };
}

export function buildNetwork(spec: NetworkSpec): Network {
  return mlp(spec);
}

/** Reads a spec back from a file. @throws UserError where it is none that this version knows. */
export function parseNetworkSpec(text: string, label: string): NetworkSpec {
  const spec = parse(text) as Partial<NetworkSpec> | undefined;
  const count = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) > 0;
  if (
    spec?.name !== 'mlp' ||
    !count(spec.inputs) ||
    !count(spec.classes) ||
    !Array.isArray(spec.widths) ||
    !spec.widths.every(count)
  )
    throw new UserError({
      severity: 'error',
      code: 'unknown-network',
      message: `${label} was made for a network that this version does not know: ${text}`,
    });
  return {
    name: spec.name,
    widths: spec.widths as number[],
    inputs: spec.inputs!,
    classes: spec.classes!,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
