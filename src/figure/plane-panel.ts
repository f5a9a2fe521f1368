import {
  axisLabel,
  drawAxes,
  footHeight,
  horizontalTicks,
  labelGap,
  verticalTicks,
  widestTick,
} from './axes.ts';
import { drawCurve, drawMissing, drawRule, isInside, type PlacedCurve, placeCurve } from './curves.ts';
import { type Bands, bandsOf, barLabels, continuousBands, drawColourBar } from './field/bands.ts';
import { drawMarkedPoints, drawSurface } from './field/surface.ts';
import type { Axis, BarsMark, LineMark, Mark, PlanePanel, RuleMark, SurfaceMark } from './figure.ts';
import type { DrawnPanel, FittedPanel } from './fitted.ts';
import { textWidth, wrapWords } from './fonts.ts';
import { insetOf } from './inset.ts';
import { drawLegend, freePlace, type KeyEntry, legendSize, legendSpace } from './key.ts';
import { legendOf } from './legend.ts';
import { drawBars, drawPath, drawPoints, drawSegments } from './marks.ts';
import { obstaclesOf, ruleObstacles } from './obstacles.ts';
import { domainOf, largest, type Scale, scaleOf } from './scale.ts';
import { type Box, type Item, rectangle, type TextItem } from './scene.ts';
import { ink, ruleStroke, sizes } from './style.ts';
import { centred } from './typography.ts';

const barGap = 5;
const barWidth = 6;
const lineHeight = 1.25;

interface Field {
  readonly mark: SurfaceMark;
  readonly bands: Bands;
  /** Contour lines carry their numbers and need no bar. */
  readonly bar: boolean;
}

const linesOf = (panel: PlanePanel): LineMark[] => panel.marks.filter((m) => m.type === 'line');
const rulesOf = (panel: PlanePanel): RuleMark[] => panel.marks.filter((m) => m.type === 'rule');

/** A frame with two axes, for a frame of known size. */
export function fitPlane(panel: PlanePanel, width: number, height: number): FittedPanel {
  const mark = panel.marks.find((m) => m.type === 'surface');
  const field = mark && !isEmpty(panel) ? fieldOf(mark) : undefined;
  // What lies over a surface does not widen its axes: beyond the samples there is nothing to show.
  const extents = (mark ? [mark] : panel.marks).map(extentOf);
  const bars = panel.marks.some((m) => m.type === 'bars');
  const xScale = fitScale(
    panel.x,
    extents.flatMap((e) => e.x),
    mark ? 0 : 0.03,
  );
  const yScale = withHeadroom(
    panel,
    { x: 0, y: 0, width, height },
    xScale,
    standing(
      fitScale(
        panel.y,
        extents.flatMap((e) => e.y),
        mark ? 0 : 0.06,
      ),
      panel,
      bars,
    ),
  );
  const ticks = {
    x: horizontalTicks(xScale, width, panel.x.categories),
    y: verticalTicks(yScale, height, panel.y.whole),
  };
  const numbered = { x: panel.x.numbered ?? true, y: panel.y.numbered ?? true };
  const levels = rulesOf(panel).filter((r) => r.axis === 'y' && !r.inKey && isInside(r.at, yScale));
  const halfLast = numbered.x ? widestTick(ticks.x) / 2 : 0;
  const left = Math.max(numbered.y ? labelGap + widestTick(ticks.y) : 2, halfLast);
  const right = Math.max(
    field?.bar ? barRoom(field, height) : 0,
    halfLast,
    ...levels.map((r) => 2.5 + textWidth(r.label, sizes.tick)),
  );
  // A title may be wider than the frame where no number stands as high as the frame's upper edge.
  const highest = Math.max(...ticks.y.list.filter((t) => t.text !== '').map((t) => yScale.at(t.at)));
  const beside = numbered.y && highest * height > height - 4 ? 0 : Math.min(left, right);
  const fitted: Omit<FittedPanel, 'draw'> = {
    panel,
    xLabel: axisLabel(panel.x.label, ticks.x.exponent),
    yLabel: axisLabel(panel.y.label, ticks.y.exponent),
    title: panel.title ? wrapWords(panel.title, sizes.panelTitle, width + 2 * beside) : [],
    left,
    right,
    foot: numbered.x ? footHeight(ticks.x) : sizes.tickLength,
    scales: { x: xScale, y: yScale },
    alone: field !== undefined,
  };
  return {
    ...fitted,
    draw: (frame) => {
      const drawn = drawPlane(panel, field, xScale, yScale, frame);
      const axes = drawAxes(frame, {
        x: { scale: xScale, ticks: ticks.x, numbered: numbered.x },
        y: { scale: yScale, ticks: ticks.y, numbered: numbered.y },
      });
      const inset =
        panel.inset && insetOf(panel.inset, fitPlane, obstaclesOf(panel, frame, xScale, yScale), frame);
      return {
        items: [
          ...drawn.items,
          { type: 'group', name: 'axes', items: axes },
          ...levelNames(panel, yScale, frame),
          ...(field?.bar ? colourBar(field, frame, right) : []),
          ...(inset?.items ?? []),
        ],
        key: drawn.key,
        ...(inset && { inset: inset.placed }),
      };
    },
  };
}

/** Data that a mark wants to be seen: x and y values. */
function extentOf(mark: Mark): { x: readonly number[]; y: readonly number[] } {
  const known = (values: readonly (number | null)[]): number[] => values.filter((v) => v !== null);
  switch (mark.type) {
    case 'line':
      return { x: mark.x, y: known(mark.y) };
    case 'points':
      return { x: mark.x, y: mark.shape === 'tick' ? [] : known(mark.y) };
    case 'bars':
      return { x: [...mark.from, ...mark.to], y: known(mark.height) };
    case 'segments':
      return { x: mark.pieces.flatMap((p) => p.x), y: mark.pieces.flatMap((p) => known(p.y)) };
    case 'surface':
    case 'path':
      return { x: mark.x, y: mark.y };
    case 'rule':
      return { x: [], y: [] };
  }
}

function fitScale(axis: Axis, values: readonly number[], margin: number): Scale {
  if (axis.categories) return scaleOf('linear', axis.domain ?? [-0.6, axis.categories.length - 0.4]);
  return scaleOf(
    axis.scale,
    axis.domain ?? domainOf(axis.scale, [...values, ...(axis.include ?? [])], margin),
  );
}

/** Bars stand on the frame: no margin below zero. */
function standing(scale: Scale, panel: PlanePanel, bars: boolean): Scale {
  if (!bars || panel.y.domain || scale.kind === 'log') return scale;
  const heights = panel.marks.flatMap((m) => (m.type === 'bars' ? m.height.filter((h) => h !== null) : []));
  const lowest = heights.reduce((a, b) => Math.min(a, b), 0);
  return scaleOf('linear', [lowest < 0 ? scale.domain[0] : 0, Math.max(scale.domain[1], 0)]);
}

function fieldOf(mark: SurfaceMark): Field {
  return {
    mark,
    bands: mark.form === 'heat' ? continuousBands(mark) : bandsOf(mark),
    bar: mark.form !== 'contours',
  };
}

function barRoom({ bands }: Field, height: number): number {
  const labels = barLabels(bands, height, sizes.tick).map((t) => textWidth(t.text, sizes.tick));
  return barGap + barWidth + 4 + Math.max(0, ...labels) + 2 + lineHeight * sizes.label;
}

/** Everything inside the frame. */
function drawPlane(panel: PlanePanel, field: Field | undefined, x: Scale, y: Scale, frame: Box): DrawnPanel {
  const curves = new Map<Mark, PlacedCurve>(
    linesOf(panel).map((mark) => [mark, placeCurve(mark, frame, x, y)]),
  );
  const missing = [...curves].map(
    ([mark, placed]): Item => ({
      type: 'group',
      name: 'missing',
      mark: panel.marks.indexOf(mark),
      items: drawMissing(mark as LineMark, placed, frame),
    }),
  );
  const legend = isEmpty(panel) || !panel.legend ? [] : legendOf(panel);
  const place = field || panel.legend === 'key' ? undefined : legendPlace(legend, panel, frame, x, y);
  const severalBars = panel.marks.filter((m) => m.type === 'bars').length > 1;
  const drawMark = (mark: Mark): Item[] => {
    switch (mark.type) {
      case 'surface':
        return field
          ? drawSurface(mark, field.bands, frame, x, y, textWidth, obstaclesOf(panel, frame, x, y))
          : [];
      case 'line':
        return drawCurve(mark, curves.get(mark)!);
      case 'bars':
        return drawBars(mark, frame, x, y, severalBars);
      case 'points':
        return drawPoints(mark, frame, x, y);
      case 'path':
        return drawPath(mark, frame, x, y);
      case 'segments':
        return drawSegments(mark, frame, x, y);
      case 'rule':
        return drawRule(mark, frame, x, y);
    }
  };
  const layer = (belongs: (mark: Mark) => boolean): Item[] =>
    panel.marks.flatMap((mark, i): Item[] => {
      if (!belongs(mark)) return [];
      const items = drawMark(mark);
      return items.length === 0 || mark.type === 'rule'
        ? items
        : [{ type: 'group', name: mark.type, mark: i, items }];
    });
  const under = (mark: Mark): boolean => mark.type === 'surface' || mark.type === 'bars';
  // Segments are broad: the curve that they are compared with shows on them.
  const inside = [
    ...layer(under),
    ...layer((mark) => mark.type === 'rule'),
    ...layer((mark) => mark.type === 'segments'),
    ...layer((mark) => !under(mark) && mark.type !== 'rule' && mark.type !== 'segments'),
  ];
  return {
    items: [
      { type: 'group', name: 'data', clip: frame, items: inside },
      ...(field ? drawMarkedPoints(field.mark, frame, x, y) : []),
      ...missing,
      ...(isEmpty(panel) ? emptyRemark(frame) : []),
      ...(place ? drawLegend(legend, place) : []),
    ],
    key: [...(place ? [] : legend), ...keyOf(panel, field, x, y), ...missingKey([...curves.values()])],
  };
}

/** Where the legend goes: clear of marks and reference lines, or at least of marks. */
function legendPlace(
  legend: readonly KeyEntry[],
  panel: PlanePanel,
  frame: Box,
  x: Scale,
  y: Scale,
): Box | undefined {
  if (legend.length === 0) return undefined;
  const marks = obstaclesOf(panel, frame, x, y);
  return (
    freePlace(legend, frame, [...marks, ...ruleObstacles(panel, frame, x, y)]) ??
    freePlace(legend, frame, marks)
  );
}

/** A y scale with room above the marks for a legend that would otherwise have none. */
function withHeadroom(panel: PlanePanel, frame: Box, x: Scale, y: Scale): Scale {
  const legend = panel.legend === true && !isEmpty(panel) ? legendOf(panel) : [];
  const hasField = panel.marks.some((m) => m.type === 'surface');
  if (legend.length === 0 || panel.y.domain || hasField || legendPlace(legend, panel, frame, x, y)) return y;
  const size = legendSize(legend);
  const share = (size.height + 2 * legendSpace) / frame.height;
  if (share > 0.35 || size.width > frame.width - 2 * legendSpace) return y;
  const [low, high] = y.domain;
  const top = y.kind === 'log' ? low * (high / low) ** (1 / (1 - share)) : low + (high - low) / (1 - share);
  return top < largest ? scaleOf(y.kind, [low, top]) : y;
}

const samplesOf = (mark: Mark): readonly (number | null)[] => {
  switch (mark.type) {
    case 'rule':
      return [];
    case 'surface':
      return mark.values;
    case 'bars':
      return (mark as BarsMark).height;
    case 'segments':
      return mark.pieces.flatMap((p) => [...p.y]);
    default:
      return mark.y;
  }
};

const isEmpty = (panel: PlanePanel): boolean =>
  panel.marks.every((mark) => samplesOf(mark).every((v) => v === null));

/** In the middle of an empty frame, on paper, so that reference lines pass behind it. */
function emptyRemark(frame: Box): Item[] {
  const text = 'no finite values';
  const [x, y] = [frame.x + frame.width / 2, frame.y + frame.height / 2];
  const width = textWidth(text, sizes.tick) + 6;
  const paper = { x: x - width / 2, y: y - 0.7 * sizes.tick, width, height: 1.4 * sizes.tick };
  return [
    { type: 'path', d: rectangle(paper), fill: ink.paper },
    {
      type: 'text',
      x,
      y: y + centred * sizes.tick,
      text,
      size: sizes.tick,
      anchor: 'middle',
      fill: ink.faint,
    },
  ];
}

function missingKey(placed: readonly PlacedCurve[]): KeyEntry[] {
  return [
    ...(placed.some((p) => p.above.length > 0)
      ? [{ label: 'not finite', symbol: { type: 'missing', direction: 'up' } } as const]
      : []),
    ...(placed.some((p) => p.below.length > 0)
      ? [{ label: 'zero or less', symbol: { type: 'missing', direction: 'down' } } as const]
      : []),
  ];
}

/** Vertical lines and marked points are explained once for the whole figure, and the levels of several columns. */
function keyOf(panel: PlanePanel, field: Field | undefined, x: Scale, y: Scale): KeyEntry[] {
  const rules = rulesOf(panel)
    .filter((r) => r.label !== '' && (r.axis === 'x' ? isInside(r.at, x) : r.inKey && isInside(r.at, y)))
    .map(
      (r): KeyEntry => ({
        label: r.label,
        symbol: { type: 'line', stroke: ruleStroke[r.role], upright: r.axis === 'x' },
      }),
    );
  const points = (field?.mark.points ?? []).map(
    (p): KeyEntry => ({ label: p.label, symbol: { type: 'dot', fill: ruleStroke[p.role].stroke } }),
  );
  return [...rules, ...points];
}

/** Names of horizontal reference lines, right of the frame; close ones are moved apart. */
function levelNames(panel: PlanePanel, scale: Scale, frame: Box): Item[] {
  const size = sizes.tick;
  const levels = rulesOf(panel)
    .filter((r) => r.axis === 'y' && r.label !== '' && !r.inKey && isInside(r.at, scale))
    .map((r) => ({ rule: r, y: frame.y + frame.height * (1 - scale.at(r.at)) }))
    .sort((a, b) => a.y - b.y);
  let free = -Infinity;
  return levels.map(({ rule, y }) => {
    const baseline = Math.max(y + centred * size, free);
    free = baseline + 1.05 * size;
    return {
      type: 'text',
      x: frame.x + frame.width + 2.5,
      y: baseline,
      text: rule.label,
      size,
      anchor: 'start',
      fill: ruleStroke[rule.role].stroke,
    };
  });
}

function colourBar({ mark, bands }: Field, frame: Box, room: number): Item[] {
  const bar = { x: frame.x + frame.width + barGap, y: frame.y, width: barWidth, height: frame.height };
  const label: TextItem = {
    type: 'text',
    x: frame.x + frame.width + room - 0.28 * sizes.label,
    y: frame.y + frame.height / 2,
    text: mark.label,
    size: sizes.label,
    anchor: 'middle',
    angle: 90,
  };
  const labels = barLabels(bands, frame.height, sizes.tick);
  return [
    { type: 'group', name: 'colour bar', items: [...drawColourBar(bands, bar, labels, sizes.tick), label] },
  ];
}
