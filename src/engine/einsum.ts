/**
 * Sums by Einstein's convention (`tf.einsum`): the shape of one, and its gradient, which TensorFlow.js 4.22 does not
 * have. One of two factors has as its derivative the sum of the other one with what comes from above; that is again such
 * a sum, so it may be differentiated any number of times.
 */
import { einsum, type GradConfig, reshape, type Tensor, tile } from '@tensorflow/tfjs-core';

/** Labels of the inputs' axes and of the result's; the right side may be left out as in NumPy. */
export function einsumLabels(equation: string): { readonly from: string[]; readonly to: string } {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const from = left.split(',');
  for (const labels of from)
    if (!/^[A-Za-z]*$/.test(labels) || new Set(labels).size < labels.length)
      throw new Error(`einsum ${equation}: axes are letters, each once for each input`);
  const all = [...from.join('')];
  const once = [...new Set(all)].filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  const to = right ?? once.sort().join('');
  if ([...to].some((label) => !all.includes(label)) || new Set(to).size < to.length)
    throw new Error(`einsum ${equation}: the result has axes that no input has`);
  return { from, to };
}

/** @throws where an equation and shapes do not fit. */
export function einsumShape(equation: string, shapes: readonly (readonly number[])[]): number[] {
  const { from, to } = einsumLabels(equation);
  const extents = extentsOf(equation, from, shapes);
  return [...to].map((label) => extents.get(label)!);
}

function extentsOf(
  equation: string,
  from: readonly string[],
  shapes: readonly (readonly number[])[],
): Map<string, number> {
  const extents = new Map<string, number>();
  if (from.length !== shapes.length)
    throw new Error(`einsum ${equation} needs ${from.length} inputs, ${shapes.length} are given`);
  from.forEach((labels, k) => {
    if (labels.length !== shapes[k]!.length)
      throw new Error(`einsum ${equation}: input ${k + 1} has the shape [${shapes[k]}]`);
    [...labels].forEach((label, axis) => {
      const extent = shapes[k]![axis]!;
      if ((extents.get(label) ?? extent) !== extent)
        throw new Error(`einsum ${equation}: axis ${label} has ${extents.get(label)} and ${extent} elements`);
      extents.set(label, extent);
    });
  });
  return extents;
}

export const einsumGradient: GradConfig = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc: (dy, saved, attributes) => {
    const inputs = saved as Tensor[];
    const { equation } = attributes as unknown as { equation: string };
    const { from, to } = einsumLabels(equation);
    return Object.fromEntries(
      inputs.map((input, k) => [k, () => byInput(dy as Tensor, inputs, { from, to }, k, input.shape)]),
    );
  },
};

function byInput(
  dy: Tensor,
  inputs: readonly Tensor[],
  { from, to }: { readonly from: readonly string[]; readonly to: string },
  k: number,
  shape: readonly number[],
): Tensor {
  const others = inputs.filter((_, i) => i !== k);
  const labels = [to, ...from.filter((_, i) => i !== k)];
  // What no other has was summed over: the derivative is the same all along it.
  const known = [...from[k]!].filter((label) => labels.some((own) => own.includes(label)));
  const sum = einsum(`${labels.join(',')}->${known.join('')}`, dy, ...others);
  if (known.length === from[k]!.length) return sum;
  const thin = [...from[k]!].map((label, axis) => (known.includes(label) ? shape[axis]! : 1));
  return tile(
    reshape(sum, thin),
    thin.map((extent, axis) => (extent === shape[axis]! ? 1 : shape[axis]!)),
  );
}
