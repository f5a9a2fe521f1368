import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { InstanceDraft, StageDraft } from './draft.ts';
import type { Reference } from './reference.ts';

/** Picks instances of one stage by values of their axes; each combination of axes that is asked for is indexed once. */
export class Selection {
  readonly #stage: StageDraft;
  /** By the places of the selected axes: their labels to the instances, in order. */
  readonly #indexes = new Map<string, Map<string, InstanceDraft[]>>();

  constructor(stage: StageDraft) {
    this.#stage = stage;
  }

  /** The instances that a reference selects, in order; undefined, and told, where it selects none. */
  pick(
    { head, selector }: Reference,
    piece: (start: number, end: number) => Span,
    problems: Problems,
  ): readonly InstanceDraft[] | undefined {
    const { matrix, instances } = this.#stage;
    if (selector === null) return instances;
    let good = true;
    for (const { axis, label, start, end } of selector) {
      const known = matrix.labels.get(axis);
      if (!known) {
        good = false;
        problems.error(
          'unknown-axis',
          piece(start, start + axis.length),
          `the stage "${head}" has no axis "${axis}"`,
          {
            expected: matrix.axes.length > 0 ? oneOf(matrix.axes) : 'no selection: the stage has no matrix',
            hint: () => didYouMean(axis, matrix.axes),
          },
        );
      } else if (!known.has(label)) {
        good = false;
        problems.error('unknown-axis-value', piece(start, end), `the axis "${axis}" has no value ${label}`, {
          expected: () => oneOf(known),
          hint: () => didYouMean(label, known),
        });
      }
    }
    if (!good) return undefined;
    const wanted = new Map(selector.map(({ axis, label }) => [axis, label]));
    const places = matrix.axes.flatMap((axis, place) => (wanted.has(axis) ? [place] : []));
    const key = JSON.stringify(places.map((place) => wanted.get(matrix.axes[place]!)));
    const picked = this.#index(places).get(key);
    if (picked) return picked;
    const last = selector.at(-1)!;
    problems.error(
      'selects-nothing',
      piece(selector[0]!.start, last.end),
      `no instance of "${head}" has these values together`,
      {
        hint: 'the combination is excluded from its matrix',
      },
    );
    return undefined;
  }

  #index(places: readonly number[]): Map<string, InstanceDraft[]> {
    let index = this.#indexes.get(places.join());
    if (!index) {
      index = new Map();
      for (const instance of this.#stage.instances) {
        const key = JSON.stringify(places.map((place) => instance.labels[place]));
        const same = index.get(key);
        if (same) same.push(instance);
        else index.set(key, [instance]);
      }
      this.#indexes.set(places.join(), index);
    }
    return index;
  }
}
