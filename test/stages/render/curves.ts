import { Value } from 'typebox/value';
import type { Curves, Series } from '../../../src/landscape/curves.ts';
import { parameters, type RenderParameters } from '../../../stages/render/parameters.ts';
import type { Source } from '../../../stages/render/sources.ts';

/** Curves with known shapes, as `evaluate` would write them. */

export const steps = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

export const subject = {
  network: 'mlp',
  dataset: 'cifar10-mini',
  split: 'train',
  examples: 2048,
  epoch: 10,
  engine: 'wasm',
};

/** The parameters with the schema's defaults, as a pipeline gives them. */
export function parametersOf(given: object): RenderParameters {
  const filled = Value.Default(parameters, structuredClone(given));
  if (!Value.Check(parameters, filled)) throw new Error(JSON.stringify(Value.Errors(parameters, filled)));
  return filled as RenderParameters;
}

export function curvesOf(
  values: readonly number[],
  functions: readonly ((at: number) => number)[],
  direction: string | readonly string[],
  marks: Curves['axes'][number]['marks'] = [{ at: 0, role: 'model', label: 'θ' }],
): Curves {
  const series = functions.map(
    (f, i): Series => ({
      name: `${typeof direction === 'string' ? direction : direction[i]!} ${i + 1}`,
      direction: typeof direction === 'string' ? direction : direction[i]!,
      metrics: { loss: values.map(f) },
    }),
  );
  return { format: 'orograph-curves/1', axes: [{ label: 'λ', values, marks }], series, classes: 10, subject };
}

/** Five curves with one minimum at the model, saturating above log C. */
export const basin = (): Curves =>
  curvesOf(
    steps(-1, 1, 41),
    [2.2, 2.6, 3, 3.4, 3.8].map(
      (k, i) => (at) => 0.35 + 2.3 * (1 - Math.exp(-k * at * at)) * (1 + 0.04 * (i - 2) * at),
    ),
    'gaussian',
  );

/** Down the negative gradient, and on to the next checkpoint. */
export const side = (): Curves =>
  curvesOf(
    steps(-1, 1, 41),
    [(at) => 0.4 + 1.7 * Math.exp(-1.4 * (at + 0.1)), (at) => 2.1 - 1.3 * Math.tanh(0.9 * at)],
    ['negative-gradient', 'difference'],
  );

/** Two minima, at the model and at the target, and a barrier between. */
export const double = (): Curves =>
  curvesOf(steps(-1, 2, 61), [(at) => 0.3 + 1.9 * Math.tanh(12 * (at * (at - 1)) ** 2)], 'difference', [
    { at: 0, role: 'model', label: 'θ' },
    { at: 1, role: 'target', label: 'θ′' },
  ]);

/** A saddle over a plane of 21 by 21 points. */
export function surface(
  f: (a: number, b: number) => number = (a, b) => 1.2 + 3 * b * b - a * a + 0.3 * a * b,
): Curves {
  const values = steps(-1, 1, 21);
  const marks = [{ at: 0, role: 'model', label: 'θ' }] as const;
  return {
    format: 'orograph-curves/1',
    axes: [
      { label: 'λ₁', values, marks },
      { label: 'λ₂', values, marks },
    ],
    series: [
      {
        name: 'N.E.×P.E.',
        direction: 'N.E.×P.E.',
        metrics: { loss: values.flatMap((a) => values.map((b) => f(a, b))) },
      },
    ],
    classes: 10,
    subject,
  };
}

/** As the input `panels` brings them. */
export const sourceOf = (curves: Curves, place = 0, input = 'panels'): Source => ({
  input,
  label: `${input}[${place}]`,
  data: { type: 'curves', curves },
});
