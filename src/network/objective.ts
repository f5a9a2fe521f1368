/**
 * What a network is trained by: losses of one example as a function of its logits and its class. A checkpoint says
 * which; whatever reads it (curves, gradients, Hessians) computes the loss that was trained.
 */
import Type, { type Static } from 'typebox';
import { UserError } from '../diagnostics/diagnostic.ts';

/** A loss with its settings: plain JSON, stored in a checkpoint where it is not plain cross entropy. */
export type LossSpec =
  | { readonly name: 'cross-entropy'; readonly smoothing: number }
  | { readonly name: 'mean-squared-error' }
  | { readonly name: 'hinge' }
  | { readonly name: 'focal'; readonly gamma: number };

export const crossEntropy: LossSpec = { name: 'cross-entropy', smoothing: 0 };

const smoothing = Type.Number({
  minimum: 0,
  exclusiveMaximum: 1,
  description: 'Share of the target that is spread over all classes.',
});
const gamma = Type.Integer({
  minimum: 1,
  maximum: 8,
  description: 'The power of (1 - p) that easy examples are weighted down by.',
});

/** What a pipeline may write after `loss:`. */
export const lossSchema = Type.Union(
  [
    Type.Enum(['cross-entropy', 'mean-squared-error', 'hinge', 'focal']),
    Type.Object(
      { name: Type.Literal('cross-entropy'), smoothing: Type.Optional(smoothing) },
      { additionalProperties: false },
    ),
    Type.Object(
      { name: Type.Literal('focal'), gamma: Type.Optional(gamma) },
      { additionalProperties: false },
    ),
  ],
  {
    default: 'cross-entropy',
    description:
      'cross-entropy; mean-squared-error: of the logits against the one-hot class; hinge: of every other class against the right one, margin 1; focal: cross entropy times (1 - p)^gamma. With settings: { name: cross-entropy, smoothing: 0.1 }, { name: focal, gamma: 2 }.',
  },
);
export type LossChoice = Static<typeof lossSchema>;

/** Fills in a loss's defaults: no smoothing, gamma 2. */
export function resolveLoss(choice: LossChoice): LossSpec {
  const given = typeof choice === 'string' ? { name: choice } : choice;
  switch (given.name) {
    case 'cross-entropy':
      return { name: 'cross-entropy', smoothing: ('smoothing' in given && given.smoothing) || 0 };
    case 'focal':
      return { name: 'focal', gamma: ('gamma' in given && given.gamma) || 2 };
    default:
      return { name: given.name };
  }
}

/** Whether nothing but the class's log-probability counts. */
export function isPlainCrossEntropy(spec: LossSpec | undefined): boolean {
  return !spec || (spec.name === 'cross-entropy' && spec.smoothing === 0);
}

/** Reads a spec back from a checkpoint. @throws UserError where it is none that this version knows. */
export function parseLoss(text: string, label: string): LossSpec {
  let spec: Partial<{ name: string; smoothing: number; gamma: number }> | null = null;
  try {
    spec = JSON.parse(text);
  } catch {
    // Said below.
  }
  switch (spec?.name) {
    case 'cross-entropy':
      if (spec.smoothing! >= 0 && spec.smoothing! < 1)
        return { name: 'cross-entropy', smoothing: spec.smoothing! };
      break;
    case 'focal':
      if (Number.isSafeInteger(spec.gamma) && spec.gamma! >= 1) return { name: 'focal', gamma: spec.gamma! };
      break;
    case 'mean-squared-error':
    case 'hinge':
      return { name: spec.name };
  }
  throw new UserError({
    severity: 'error',
    code: 'unknown-loss',
    message: `${label} was trained by a loss that this version does not know: ${text}`,
  });
}

/**
 * The loss of one example in float64 from its logits in float32; see `meanLoss` for the definitions. Neither overflows
 * nor loses small losses to cancellation: cross entropy is (m - z_y) + log1p(Σ' exp(z - m)), with m the largest logit
 * and Σ' over the others.
 * @param at where the example's logits start.
 * @param best class of the largest logit, the first of equal ones.
 */
export function exampleLoss(
  spec: LossSpec,
  logits: Float32Array,
  at: number,
  classes: number,
  label: number,
  best: number,
): number {
  switch (spec.name) {
    case 'cross-entropy': {
      const plain = logLoss(logits, at, classes, label, best);
      if (spec.smoothing === 0) return plain;
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += logits[at + label]! - logits[at + c]!;
      return plain + (spec.smoothing / classes) * sum;
    }
    case 'mean-squared-error': {
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += (logits[at + c]! - (c === label ? 1 : 0)) ** 2;
      return sum / classes;
    }
    case 'hinge': {
      let sum = 0;
      for (let c = 0; c < classes; c++) {
        const short = 1 - logits[at + label]! + logits[at + c]!;
        // Not Math.max alone: a NaN must stay one.
        if (c !== label && !(short <= 0)) sum += short;
      }
      return sum / classes;
    }
    case 'focal': {
      const largest = logits[at + best]!;
      let [others, all] = [0, 0];
      for (let c = 0; c < classes; c++) {
        const share = Math.exp(logits[at + c]! - largest);
        all += share;
        if (c !== label) others += share;
      }
      return (others / all) ** spec.gamma * logLoss(logits, at, classes, label, best);
    }
  }
}

function logLoss(logits: Float32Array, at: number, classes: number, label: number, best: number): number {
  const largest = logits[at + best]!;
  let others = 0;
  for (let c = 0; c < classes; c++) if (c !== best) others += Math.exp(logits[at + c]! - largest);
  return largest - logits[at + label]! + Math.log1p(others);
}
