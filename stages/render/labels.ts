/** What curves, histograms, bars and paths of a panel are called. */
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { literal } from '../../src/figure/math-text.ts';
import type { Content } from './compose.ts';
import { type Source, subjectOf } from './sources.ts';
import { wordOf } from './subject.ts';

/** One of them before it has its name for people. */
export interface Unlabelled {
  readonly source: Source;
  readonly name: string;
}

/** What the user calls them, or what they are called by themselves, each by a name of its own where that is known. */
export function labelsOf(
  { own: { labels } }: Content,
  curves: readonly Unlabelled[],
  what = 'curves',
): string[] {
  if (labels === undefined) return toldApart(curves);
  if (Array.isArray(labels)) {
    if (labels.length === curves.length) return labels;
    throw new UserError({
      severity: 'error',
      code: 'wrong-labels',
      message: `${labels.length} labels (${labels.join(', ')}) for ${curves.length} ${what}: ${toldApart(curves).join(', ')}`,
      expected: 'one for each of these, in their order',
      hint: 'or name inputs instead: `labels: { input: name }`',
    });
  }
  return curves.map(({ source: { input }, name }) => {
    const label = labels[input];
    if (label === undefined) return name;
    return curves.filter(({ source }) => source.input === input).length > 1 ? `${label}, ${name}` : label;
  });
}

/** Facts by which files of curves are told apart in words, the most telling first. */
const telling = ['network', 'epoch', 'dataset', 'split', 'examples'] as const;

/** Curves of several files may have one name: then the files are named, too. */
function toldApart(curves: readonly Unlabelled[]): string[] {
  const names = curves.map(({ name }) => name);
  const sources = [...new Set(curves.map(({ source }) => source))];
  if (sources.length < 2 || new Set(names).size === names.length) return names;
  const ways = [
    ...telling.map((fact) => (source: Source): string => {
      const value = subjectOf(source)[fact];
      return value === undefined || value === null
        ? ''
        : (fact === 'epoch' ? '$E=$' : '') + literal(wordOf(value));
    }),
    ({ input, label }: Source): string =>
      literal(sources.filter((other) => other.input === input).length > 1 ? label : input),
  ];
  const way = ways.find((of) => new Set(sources.map(of)).size === sources.length)!;
  return curves.map(({ source, name }) => `${way(source)}, ${name}`);
}
