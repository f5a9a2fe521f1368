/** Which sources stand in which panel. */
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { didYouMean } from '../../src/diagnostics/suggest.ts';
import type { PanelParameters, Plot, RenderParameters } from './parameters.ts';
import type { Source } from './sources.ts';

/** What one panel shows: one source, or several over each other; of a file of surfaces, one of them. */
export interface Content {
  readonly sources: readonly Source[];
  readonly own: PanelParameters;
  readonly plot: Plot;
  /** Of a file of several surfaces. */
  readonly series: number;
}

/** Mistakes in what the panels show, before anything runs. */
export function checkPanels(
  { panels }: RenderParameters,
  inputs: readonly string[],
): { pointer: string; message: string }[] {
  const problems: { pointer: string; message: string }[] = [];
  const named = panels.filter(composes).length;
  panels.forEach((panel, i) => {
    const pointer = `/panels/${i}`;
    const [first, second] = ways.filter((way) => panel[way]);
    if (second)
      problems.push({
        pointer: `${pointer}/${second}`,
        message: `stands beside "${first}": a panel has one of them`,
      });
    if (named > 0 && !composes(panel))
      problems.push({
        pointer,
        message: 'says neither "show" nor "each" nor "frames", as the other panels do: it would be empty',
      });
    const used = ways.flatMap((way) => panel[way] ?? []).map(nameOf);
    const labelled = panel.labels && !Array.isArray(panel.labels) ? Object.keys(panel.labels) : [];
    for (const name of new Set([...used, ...Object.keys(panel.stretch ?? {}), ...labelled])) {
      if (inputs.includes(name)) continue;
      const hint = didYouMean(name, inputs);
      const place = used.includes(name) ? (first ?? 'show') : labelled.includes(name) ? 'labels' : 'stretch';
      problems.push({
        pointer: `${pointer}/${place}`,
        message: `the stage has no input "${name}"${hint ? `: ${hint}` : `; it has ${inputs.join(', ')}`}`,
      });
    }
  });
  // A misspelt name is told above, and is why its input stands nowhere.
  if (problems.length > 0) return problems;
  const shown = new Set(panels.flatMap((panel) => ways.flatMap((way) => panel[way] ?? [])).map(nameOf));
  for (const name of inputs)
    if (name !== 'categories' && !(named === 0 && name === 'panels') && !shown.has(name))
      problems.push({
        pointer: '/panels',
        message: `the input "${name}" stands in no panel: name it in "show", "each" or "frames"`,
      });
  return problems;
}

/** In which a panel can say what it shows. */
const ways = ['show', 'each', 'frames'] as const;

const composes = (panel: PanelParameters): boolean => ways.some((way) => panel[way] !== undefined);

const nameOf = (reference: string): string => reference.replace(/\[\d+\]$/u, '');

/** The panels of each frame, of a figure that stands still of one. Fails with a diagnostic where they differ in number. */
export function composeFrames(sources: readonly Source[], params: RenderParameters): Content[][] {
  const frames = Array.from({ length: Math.max(1, framesIn(sources, params)) }, (_, k) =>
    compose(sources, params, k),
  );
  const [first] = frames as [Content[]];
  const uneven = frames.findIndex(({ length }) => length !== first.length);
  if (uneven >= 0)
    throw new UserError({
      severity: 'error',
      code: 'uneven-panels',
      message: `frame ${uneven + 1} has ${frames[uneven]!.length} panels where the first has ${first.length}: their files hold different numbers of surfaces`,
    });
  return frames;
}

/** How many frames the panels with `frames` have: 0 where there is no such panel. */
function framesIn(sources: readonly Source[], { panels }: RenderParameters): number {
  const lists = panels.flatMap(({ frames = [] }) =>
    frames.map((name) => ({ name, count: found(sources, name).length })),
  );
  const count = Math.max(0, ...lists.map((list) => list.count));
  const uneven = lists.find((list) => list.count !== count && list.count !== 1);
  if (uneven)
    throw new UserError({
      severity: 'error',
      code: 'uneven-panels',
      message: `"frames" of ${lists.map(({ name }) => name).join(', ')}: ${uneven.name} has ${uneven.count} artifacts where another has ${count}`,
    });
  return count;
}

/**
 * The panels in their order. Fails with a diagnostic where a panel asks for what is not there.
 * @param frame of a figure that moves: which artifacts the panels with `frames` show.
 */
function compose(sources: readonly Source[], params: RenderParameters, frame: number): Content[] {
  const groups = params.panels.some(composes)
    ? params.panels.flatMap((own): { sources: Source[]; own: PanelParameters }[] => {
        if (own.show) return [{ own, sources: own.show.flatMap((name) => found(sources, name)) }];
        if (own.frames) {
          const lists = own.frames.map((name) => found(sources, name));
          return [{ own, sources: lists.map((list) => list[list.length === 1 ? 0 : frame]!) }];
        }
        const lists = (own.each ?? []).map((name) => found(sources, name));
        const count = Math.max(...lists.map((list) => list.length));
        const uneven = lists.findIndex((list) => list.length !== count && list.length !== 1);
        if (uneven >= 0)
          throw new UserError({
            severity: 'error',
            code: 'uneven-panels',
            message: `"each" of ${own.each!.join(', ')}: ${own.each![uneven]} has ${lists[uneven]!.length} artifacts where another has ${count}`,
          });
        return Array.from({ length: count }, (_, k) => ({
          own,
          sources: lists.map((list) => list[list.length === 1 ? 0 : k]!),
        }));
      })
    : sources
        .filter(({ input }) => input === 'panels')
        .map((source) => ({ own: {} as PanelParameters, sources: [source] }));
  const contents = groups.flatMap((group): Content[] => {
    const plot = group.own.plot ?? params.plot ?? plotFor(group.sources);
    const surfaces = surfacesIn(group.sources);
    return Array.from({ length: Math.max(1, surfaces) }, (_, series) => ({ ...group, plot, series }));
  });
  // Without a composition the list of panels goes by the panels that came out of it.
  return params.panels.some(composes)
    ? contents
    : contents.map((content, i) => {
        const own = params.panels[i] ?? {};
        return { ...content, own, plot: own.plot ?? content.plot };
      });
}

function found(sources: readonly Source[], reference: string): Source[] {
  const name = nameOf(reference);
  const all = sources.filter(({ input }) => input === name);
  const place = /\[(\d+)\]$/u.exec(reference)?.[1];
  if (place === undefined) return all;
  const one = all[Number(place)];
  if (one) return [one];
  throw new UserError({
    severity: 'error',
    code: 'no-such-artifact',
    message: `the input ${name} has ${all.length} artifacts, numbered from 0: there is no ${reference}`,
  });
}

/** How many surfaces the first file of surfaces holds. */
function surfacesIn(sources: readonly Source[]): number {
  for (const { data } of sources)
    if (data.type === 'curves' && data.curves.axes.length === 2) return data.curves.series.length;
  return 0;
}

/** What the type of the sources asks for: the first one that is no overlay decides. */
function plotFor(sources: readonly Source[]): Plot {
  for (const { data } of sources) {
    switch (data.type) {
      case 'curves':
        return data.curves.axes.length === 2 ? 'filled' : 'curves';
      case 'spectrum':
        return 'density';
      case 'angles':
        return data.table.groups.some(({ degrees }) => degrees.length > 0) ? 'histogram' : 'bars';
      case 'eigenvalues':
        return 'bars';
      case 'changes':
      case 'table':
        return 'histogram';
      case 'history':
        return 'curves';
      case 'path':
        break;
    }
  }
  return 'curves';
}
