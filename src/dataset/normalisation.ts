import Type, { type Static } from 'typebox';
import { UserError } from '../diagnostics/diagnostic.ts';

/** Constants of inputs (p/255 - mean) / deviation, one a channel; of float arrays (x - mean) / deviation. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Constants by name; `none` is mean 0 and deviation 1. */
export const normalisations = {
  /** The usual ones of CIFAR-10's training images. */
  cifar10: { mean: [0.4914, 0.4822, 0.4465], deviation: [0.247, 0.2435, 0.2616] },
  /** The usual ones of CIFAR-100's training images. */
  cifar100: { mean: [0.5071, 0.4865, 0.4409], deviation: [0.2673, 0.2564, 0.2762] },
  /** torchvision's, with which its ImageNet weights were trained. */
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
} as const satisfies Record<string, Normalisation>;

const perChannel = Type.Array(Type.Number(), { minItems: 1, maxItems: 64 });

/** Other constants than the usual ones, as a parameter of stages. A checkpoint carries them on. */
export const normalisationSchema = Type.Union(
  [
    Type.Enum(['none', 'cifar10', 'cifar100', 'imagenet']),
    Type.Object({ mean: perChannel, deviation: perChannel }, { additionalProperties: false }),
  ],
  {
    description:
      "Inputs are (pixel/255 - mean) / deviation, one of each a channel: numbers, or the constants of cifar10, cifar100, imagenet or none (default: the data set's own).",
  },
);

export type NormalisationChoice = Static<typeof normalisationSchema>;

/**
 * The constants for so many channels.
 * @throws UserError where there are not as many as channels, or a deviation is not above 0.
 */
export function normalisationFor(
  choice: NormalisationChoice | Normalisation,
  channels: number,
  dataset: string,
): Normalisation {
  const repeated = (value: number): number[] => Array.from({ length: channels }, () => value);
  const { mean, deviation } =
    choice === 'none'
      ? { mean: repeated(0), deviation: repeated(1) }
      : typeof choice === 'string'
        ? normalisations[choice]
        : choice;
  const good =
    mean.length === channels &&
    deviation.length === channels &&
    mean.every(Number.isFinite) &&
    deviation.every((d) => d > 0 && Number.isFinite(d));
  if (good) return { mean, deviation };
  throw new UserError({
    severity: 'error',
    code: 'bad-normalisation',
    message: `"${dataset}" cannot be normalised with the means [${mean}] and the deviations [${deviation}]`,
    expected:
      channels === 3
        ? 'three of each, one a colour, and deviations above 0'
        : `${channels} of each, one a channel, and deviations above 0`,
  });
}
