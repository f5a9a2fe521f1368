import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { Figure, Mark, Panel, PlanePanel, RuleMark } from '../../src/figure/figure.ts';
import { type Content, composeFrames } from './compose.ts';
import { barsPanel } from './panels/bars.ts';
import { curvesIn } from './panels/common.ts';
import { curvesPanel } from './panels/curves.ts';
import { densityPanel } from './panels/density.ts';
import { fieldPanel } from './panels/field.ts';
import { histogramPanel } from './panels/histogram.ts';
import { historyPanel } from './panels/history.ts';
import type { RenderParameters } from './parameters.ts';
import { refuseRange } from './ranges.ts';
import { onScalesOf, shareAxes } from './share.ts';
import { type Source, subjectOf } from './sources.ts';
import { subjectNotes, wordOf } from './subject.ts';
import type { CategoryRow } from './title.ts';
import { venues } from './venues.ts';

const inch = 72;

/**
 * The figure of the paper's style for some sources: what stands in which panel, the panels, and what they share.
 * @param categories a row a curve, in the order in which panels, and frame after frame each of them, show them (surfaces
 * have none); empty where unknown.
 * Fails with a diagnostic where the categories are of other curves.
 */
export function describeFigure(
  sources: readonly Source[],
  categories: readonly CategoryRow[],
  params: RenderParameters,
): Figure {
  const frames = composeFrames(sources, params);
  const width = (typeof params.width === 'number' ? params.width : venues[params.width]) * inch;
  const rows = rowsByPanel(frames, categories);
  const drawn = overFrames(
    frames.map((contents) =>
      contents.map((content, i) => {
        const shown = curvesIn(content, 1).flatMap(({ source }) => rows[i]!.get(source) ?? []);
        const panel = panelOf(content, shown, params);
        refuseRange(panel, content);
        return ruled(panel, content);
      }),
    ),
  );
  const panels = drawn.at(-1)!;
  const columns = params.columns ?? columnsFor(panels.length, width);
  // Planes as wide as high; boxes in space are a little lower than wide from most sides.
  const planes = panels.some(
    (panel) => panel.kind !== 'space' && panel.marks.some((m) => m.type === 'surface'),
  );
  const aspect = planes ? 1 : panels.some(({ kind }) => kind === 'space') ? 0.85 : 0.75;
  return {
    width,
    frame: params.height === undefined ? { aspect } : { height: params.height * inch },
    columns,
    ...(params.title !== undefined && { title: params.title }),
    ...(params['row-titles'] && { rowTitles: params['row-titles'] }),
    ...(params['column-titles'] && { columnTitles: params['column-titles'] }),
    ...(params.caption !== undefined && { caption: params.caption }),
    notes: subjectNotes(panels.map((_, i) => subjectsOf(frames.flatMap((contents) => contents[i]!.sources)))),
    panels: shareAxes(panels, columns, params.share),
    ...(frames.length > 1 && {
      frames: drawn.map((shown, k) => ({
        title: params['frame-titles']?.[k] ?? String(k + 1),
        panels: shareAxes(shown, columns, params.share),
      })),
    }),
  };
}

/** What the sources of a panel say of themselves; where they differ, each of it. */
function subjectsOf(sources: readonly Source[]): ReturnType<typeof subjectOf> {
  const subjects = sources.map(subjectOf);
  const names = [...new Set(subjects.flatMap((s) => Object.keys(s)))];
  return Object.fromEntries(
    names.map((name) => {
      const values = subjects.flatMap((s) => (s[name] === undefined || s[name] === null ? [] : [s[name]]));
      const different = [...new Set(values.map((v) => JSON.stringify(v)))];
      return [
        name,
        different.length > 1 ? listed(different.map((v) => wordOf(JSON.parse(v)))) : (values[0] ?? null),
      ];
    }),
  );
}

const listed = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

/** The panels of a figure that moves, each on the same scales in all frames. */
function overFrames(frames: readonly (readonly Panel[])[]): readonly (readonly Panel[])[] {
  if (frames.length === 1) return frames;
  return frames.map((panels) =>
    panels.map((panel, i) =>
      onScalesOf(
        panel,
        frames.map((shown) => shown[i]!),
        { values: true, across: true },
      ),
    ),
  );
}

function panelOf(content: Content, rows: readonly CategoryRow[], params: RenderParameters): Panel {
  switch (content.plot) {
    case 'curves':
      return content.sources.some(({ data }) => data.type === 'history')
        ? historyPanel(content, params)
        : curvesPanel(content, rows, params);
    case 'filled':
    case 'contours':
    case 'heat':
    case 'surface':
      return fieldPanel(content, params);
    case 'density':
      return densityPanel(content);
    case 'histogram':
      return histogramPanel(content);
    case 'bars':
      return barsPanel(content);
  }
}

/** A panel with the reference lines that the user wants in it, and in its inset, whose marks have the same places. */
function ruled(panel: Panel, { own }: Content): Panel {
  if (panel.kind === 'space' || !own.rules) return panel;
  const rules = own.rules.map(
    ({ axis, role, at, label }): RuleMark => ({ type: 'rule', axis, at, role, label }),
  );
  const isRule = (mark: Mark): boolean => mark.type === 'rule';
  const withRules = (plane: PlanePanel): PlanePanel => ({
    ...plane,
    marks: [...plane.marks.filter(isRule), ...rules, ...plane.marks.filter((mark) => !isRule(mark))],
  });
  return { ...withRules(panel), ...(panel.inset && { inset: withRules(panel.inset) }) };
}

/**
 * Deals the rows of the categories out to the curves that they name: panel by panel, those of a panel in the order in
 * which its frames show them, what several frames show once.
 */
function rowsByPanel(
  frames: readonly (readonly Content[])[],
  rows: readonly CategoryRow[],
): ReadonlyMap<Source, readonly CategoryRow[]>[] {
  if (rows.length === 0) return frames[0]!.map(() => new Map());
  let next = 0;
  let fit = true;
  const dealt = frames[0]!.map((_, i) => {
    const shown = new Map(
      frames.flatMap((contents) =>
        curvesIn(contents[i]!, 1).map(({ source, curves }) => [source, curves.series] as const),
      ),
    );
    return new Map(
      [...shown].map(([source, series]) => {
        next += series.length;
        const own = rows.slice(next - series.length, next);
        fit &&= own.every((row, k) => row.name === series[k]!.name);
        return [source, own];
      }),
    );
  });
  if (!fit || next !== rows.length)
    throw new UserError({
      severity: 'error',
      code: 'categories-of-other-curves',
      message: `the ${rows.length} categories do not belong to the ${next} curves of the panels`,
      hint: 'give `categories` the output of the `classify` stage that had the same inputs in the same order',
    });
  return dealt;
}

/** Room of 1.6 inches a panel at least, four in a row at most, and rows as full as can be. */
function columnsFor(panels: number, width: number): number {
  const most = Math.max(1, Math.min(4, Math.floor(width / (1.6 * inch))));
  const rows = Math.max(1, Math.ceil(panels / most));
  return Math.max(1, Math.ceil(panels / rows));
}
