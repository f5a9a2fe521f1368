import Type, { type Static } from 'typebox';
import { UserError } from '../diagnostics/diagnostic.ts';
import { mlp, mlpSchema } from './mlp.ts';
import { type MlpSpec, type Network, type NetworkSpec, type ResnetSpec, shortcuts } from './network.ts';
import { blocksPerStage, imageSide, resnet, resnetSchema } from './resnet.ts';

/** What a pipeline may write after `network:`: a name alone, or an object with the architecture's settings. */
export const networkSchema = Type.Union([Type.Literal('mlp'), mlpSchema, resnetSchema], {
  description:
    'The architecture: mlp, or an object such as { name: mlp, widths: [128] } or { name: resnet, depth: 20 }.',
});
export type NetworkChoice = Static<typeof networkSchema>;

/**
 * Fills in an architecture's defaults.
 * @throws UserError where the architecture cannot take such inputs.
 */
export function resolveNetwork(choice: NetworkChoice, inputs: number, classes: number): NetworkSpec {
  const settings = typeof choice === 'string' ? { name: choice } : choice;
  if (settings.name === 'mlp')
    return { name: 'mlp', widths: ('widths' in settings && settings.widths) || [128], inputs, classes };
  if (imageSide(inputs) === undefined)
    throw new UserError({
      severity: 'error',
      code: 'wrong-dataset',
      message: `a resnet takes square images of three channels, the side a multiple of 4; the data set has ${inputs} features`,
    });
  return { name: 'resnet', depth: settings.depth, shortcut: settings.shortcut ?? 'B', inputs, classes };
}

export function buildNetwork(spec: NetworkSpec): Network {
  return spec.name === 'mlp' ? mlp(spec) : resnet(spec);
}

/** What figures call a network: 3072-128-10, ResNet-56, ResNet-56-A, ResNet-56-NS (no shortcuts). */
export function networkTitle(spec: NetworkSpec): string {
  if (spec.name === 'mlp') return [spec.inputs, ...spec.widths, spec.classes].join('-');
  return `ResNet-${spec.depth}${{ A: '-A', B: '', none: '-NS' }[spec.shortcut]}`;
}

const count = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) > 0;

/** Reads a spec back from a file. @throws UserError where it is none that this version knows. */
export function parseNetworkSpec(text: string, label: string): NetworkSpec {
  const spec = parse(text) as Partial<MlpSpec> | Partial<ResnetSpec> | undefined;
  if (count(spec?.inputs) && count(spec.classes)) {
    const { inputs, classes } = spec;
    if (spec.name === 'mlp' && Array.isArray(spec.widths) && spec.widths.every(count))
      return { name: 'mlp', widths: spec.widths as number[], inputs, classes };
    if (
      spec.name === 'resnet' &&
      count(spec.depth) &&
      count(blocksPerStage(spec.depth)) &&
      shortcuts.includes(spec.shortcut!) &&
      imageSide(inputs) !== undefined
    )
      return { name: 'resnet', depth: spec.depth, shortcut: spec.shortcut!, inputs, classes };
  }
  throw new UserError({
    severity: 'error',
    code: 'unknown-network',
    message: `${label} was made for a network that this version does not know: ${text}`,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
