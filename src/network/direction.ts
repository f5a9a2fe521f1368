import { UserError } from '../diagnostics/diagnostic.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { encodeSafetensors, readSafetensors } from './safetensors.ts';
import { mismatch, type ParameterVector } from './tensors.ts';

/** A perturbation direction as a file: the vector, and what it is for figures and captions. */
export interface Direction {
  readonly vector: ParameterVector;
  /** `gaussian`, `negative-gradient`, `difference`; a user's own stage may use any word. */
  readonly kind: string;
  /** Where along it a checkpoint lies: λ and its name. */
  readonly target: { readonly at: number; readonly label: string } | null;
  /** How it was made, for captions: scaling, seed, norms. */
  readonly made: JsonObject;
}

const format = 'orograph-direction/1';

export function encodeDirection({ vector, kind, target, made }: Direction): Uint8Array<ArrayBuffer> {
  const metadata: Record<string, string> = { format, kind, made: JSON.stringify(made) };
  if (target) metadata.target = JSON.stringify(target);
  return encodeSafetensors({ tensors: vector, metadata });
}

/**
 * Reads a direction for a network at `theta`. Any safetensors file with the right tensors will do: one without our
 * metadata is a direction of kind `other`.
 * @throws UserError where it is no safetensors file or its tensors are not those of `theta`, in order.
 */
export async function readDirection(path: string, label: string, theta: ParameterVector): Promise<Direction> {
  const { tensors, metadata } = await readSafetensors(path, label);
  const difference = mismatch(tensors, theta);
  if (difference)
    throw new UserError({
      severity: 'error',
      code: 'wrong-parameters',
      message: `${label} is no direction of this network: ${difference}`,
      hint: 'a direction has one tensor a parameter, with the names, shapes and order of the checkpoint',
    });
  const target = parsed(metadata.target) as { at?: unknown; label?: unknown } | null;
  return {
    vector: tensors,
    kind: metadata.format === format && metadata.kind ? metadata.kind : 'other',
    target:
      typeof target?.at === 'number' && typeof target.label === 'string'
        ? { at: target.at, label: target.label }
        : null,
    made: (parsed(metadata.made) ?? {}) as JsonObject,
  };
}

function parsed(text: string | undefined): Json {
  try {
    return text === undefined ? null : (JSON.parse(text) as Json);
  } catch {
    return null;
  }
}
