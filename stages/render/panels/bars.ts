import { UserError } from '../../../src/diagnostics/diagnostic.ts';
import type { BarsMark, PlanePanel } from '../../../src/figure/figure.ts';
import { literal } from '../../../src/figure/math-text.ts';
import type { Content } from '../compose.ts';
import { numbersAt } from '../sources.ts';
import { cannotPlot, ends } from './common.ts';

interface BarGroup {
  readonly label: string;
  readonly heights: readonly number[];
  readonly source: string;
}

/** A bar a name: cosines with eigenvectors, eigenvalues, or numbers of a table. */
export function barsPanel(content: Content): PlanePanel {
  const { own } = content;
  let [names, ylabel]: [readonly string[], string] = [[], ''];
  const unordered = content.sources.flatMap((source): BarGroup[] => {
    const { data, label } = source;
    if (own.values !== undefined) {
      const heights = numbersAt(source, own.values);
      names = heights.map((_, i) => String(i + 1));
      return [{ label: literal(label), heights, source: label }];
    }
    if (data.type === 'angles' && data.table.given) {
      const { x, targets, cosines } = data.table.given;
      names = targets.map(literal);
      ylabel = '|cosine|';
      return x.map((name, i) => ({
        label: literal(name),
        heights: cosines[i]!.map(Math.abs),
        source: label,
      }));
    }
    if (data.type === 'eigenvalues') {
      const { smallest, largest } = data.table;
      names = [
        ...smallest.map((_, i) => `N.E.${i + 1}`),
        ...largest.map((_, i) => `P.E.${largest.length - i}`),
      ];
      ylabel = 'eigenvalue';
      const heights = [...smallest, ...[...largest].reverse()].map(({ value }) => value);
      return [{ label: literal(label), heights, source: label }];
    }
    return [];
  });
  const groups = unordered.map((group) => ({ ...group, heights: inOrder(group.heights, own.order) }));
  if (own.order && names.length > 0) names = inOrder(names, own.order);
  if (groups.length === 0)
    throw cannotPlot(
      content,
      'cosines, eigenvalues, or a table and where its numbers stand: `values: name.name`',
    );
  const count = Math.max(...groups.map(({ heights }) => heights.length));
  const named = own.labels && own.labels.length === count && groups.length === 1;
  const categories = named ? own.labels! : Array.from({ length: count }, (_, i) => names[i] ?? String(i + 1));
  const width = 0.8 / groups.length;
  const marks = groups.map(
    ({ label, heights, source }, style): BarsMark => ({
      type: 'bars',
      from: heights.map((_, i) => i - 0.4 + style * width),
      to: heights.map((_, i) => i - 0.4 + (style + 1) * width),
      height: heights,
      label: (named ? undefined : own.labels?.[style]) ?? label,
      style,
      source,
    }),
  );
  return {
    ...(own.title !== undefined && own.title !== '' && { title: own.title }),
    x: { label: own.xlabel ?? '', scale: 'linear', categories },
    y: {
      label: own.ylabel ?? ylabel,
      scale: own.log ? 'log' : 'linear',
      ...(own.yrange && { domain: ends(own.yrange) }),
    },
    marks,
    legend: own.legend ?? groups.length > 1,
  };
}

/** Some of a list in another order, by their places from 1 on. */
function inOrder<T>(list: readonly T[], order: readonly number[] | undefined): readonly T[] {
  if (!order) return list;
  const beyond = order.find((place) => place > list.length);
  if (beyond !== undefined)
    throw new UserError({
      severity: 'error',
      code: 'no-such-bar',
      message: `the order of the bars names place ${beyond}, but there are ${list.length} numbers`,
    });
  return order.map((place) => list[place - 1]!);
}
