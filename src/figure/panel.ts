import {
  axisLabel,
  centred,
  drawAxes,
  horizontalTicks,
  labelGap,
  verticalTicks,
  widestTick,
} from './axes.ts';
import { drawCurve, drawMissing, drawRule, isInside, type PlacedCurve, placeCurve } from './curves.ts';
import type { Axis, LineMark, Panel, RuleMark, SurfaceMark } from './figure.ts';
import { textWidth, wrapText } from './fonts.ts';
import { drawLegend, freePlace, type KeyEntry, legendSize, legendSpace } from './key.ts';
import { domainOf, largest, type Scale, scaleOf, type Ticks } from './scale.ts';
import { type Box, type Item, rectangle, type TextItem } from './scene.ts';
import { ink, lineStroke, ruleStroke, sizes } from './style.ts';
import { type Bands, bandsOf, barLabels, drawColourBar, drawSurface } from './surface.ts';

/** A panel for a frame of known size: its scales and ticks, and the room that its labels need around the frame. */
export interface FittedPanel {
  readonly panel: Panel;
  readonly x: { readonly scale: Scale; readonly ticks: Ticks; readonly label: string };
  readonly y: { readonly scale: Scale; readonly ticks: Ticks; readonly label: string };
  readonly title: readonly string[];
  /** Width of the tick labels left of the frame, with their distance. */
  readonly left: number;
  /** Room right of the frame: names of levels, a colour bar, half of the last tick label. */
  readonly right: number;
  readonly surface: { readonly mark: SurfaceMark; readonly bands: Bands } | undefined;
}

const barGap = 5;
const barWidth = 6;
const lineHeight = 1.25;

const linesOf = (panel: Panel): LineMark[] => panel.marks.filter((m) => m.type === 'line');
const rulesOf = (panel: Panel): RuleMark[] => panel.marks.filter((m) => m.type === 'rule');

export function fitPanel(panel: Panel, width: number, height: number): FittedPanel {
  const mark = panel.marks.find((m) => m.type === 'surface');
  const surface = mark ? { mark, bands: bandsOf(mark) } : undefined;
  const xScale = fitScale(
    panel.x,
    [...linesOf(panel).flatMap((l) => l.x), ...(mark?.x ?? [])],
    mark ? 0 : 0.03,
  );
  const yValues = linesOf(panel).flatMap((l) => l.y.filter((v): v is number => v !== null));
  const yScale = withHeadroom(
    panel,
    { x: 0, y: 0, width, height },
    xScale,
    fitScale(panel.y, [...yValues, ...(mark?.y ?? [])], mark ? 0 : 0.06),
  );
  const xTicks = horizontalTicks(xScale, width);
  const yTicks = verticalTicks(yScale, height);
  const levels = rulesOf(panel).filter((r) => r.axis === 'y' && isInside(r.at, yScale));
  const bar =
    surface && !isEmpty(panel)
      ? barGap +
        barWidth +
        4 +
        Math.max(
          0,
          ...barLabels(surface.bands, height, sizes.tick).map((t) => textWidth(t.text, sizes.tick)),
        ) +
        2 +
        lineHeight * sizes.label
      : 0;
  const left = Math.max(labelGap + widestTick(yTicks), widestTick(xTicks) / 2);
  const right = Math.max(
    bar,
    widestTick(xTicks) / 2,
    ...levels.map((r) => 2.5 + textWidth(r.label, sizes.tick)),
  );
  return {
    panel,
    x: { scale: xScale, ticks: xTicks, label: axisLabel(panel.x.label, xTicks.exponent) },
    y: { scale: yScale, ticks: yTicks, label: axisLabel(panel.y.label, yTicks.exponent) },
    title: panel.title ? wrapText(panel.title, sizes.panelTitle, width + 2 * Math.min(left, right)) : [],
    left,
    right,
    surface: surface && isEmpty(panel) ? undefined : surface,
  };
}

function fitScale(axis: Axis, values: readonly number[], margin: number): Scale {
  return scaleOf(
    axis.scale,
    axis.domain ?? domainOf(axis.scale, [...values, ...(axis.include ?? [])], margin),
  );
}

/** Height above the frame that title and remark take. */
export function headHeight(fitted: FittedPanel): number {
  const title = fitted.title.length * lineHeight * sizes.panelTitle;
  const remark = fitted.panel.remark ? lineHeight * sizes.small : 0;
  return title + remark + (title + remark > 0 ? 2.5 : 0.38 * sizes.tick);
}

export interface DrawnPanel {
  readonly items: readonly Item[];
  /** What the figure's key has to explain. */
  readonly key: readonly KeyEntry[];
}

/** Everything of a panel but its axis labels, which panels may share. */
export function drawPanel(fitted: FittedPanel, frame: Box): DrawnPanel {
  const { panel, surface } = fitted;
  const [x, y] = [fitted.x.scale, fitted.y.scale];
  const curves = linesOf(panel).map((mark) => ({ mark, placed: placeCurve(mark, frame, x, y) }));
  const missing = curves.flatMap(({ mark, placed }) => drawMissing(mark, placed, frame));
  const legend = panel.legend && !isEmpty(panel) ? legendOf(panel) : [];
  const place = legendPlace(legend, panel, frame, x, y);
  const inside: Item[] = [
    ...(surface ? drawSurface(surface.mark, surface.bands, frame, x, y) : []),
    ...rulesOf(panel).flatMap((rule) => drawRule(rule, frame, x, y)),
    ...curves.flatMap(({ mark, placed }) => drawCurve(mark, placed)),
  ];
  const items: Item[] = [
    { type: 'group', name: 'data', clip: frame, items: inside },
    ...missing,
    ...(isEmpty(panel) ? emptyRemark(frame) : []),
    ...(place ? drawLegend(legend, place) : []),
    { type: 'group', name: 'axes', items: drawAxes(frame, fitted) },
    ...levelNames(fitted, frame),
    ...(surface ? colourBar(surface, frame, fitted.right) : []),
    ...head(fitted, frame),
  ];
  return {
    items,
    key: [...(place ? [] : legend), ...keyOf(fitted), ...missingKey(curves.map((c) => c.placed))],
  };
}

/** Where the legend goes: clear of curves and reference lines, or at least of curves. */
function legendPlace(
  legend: readonly KeyEntry[],
  panel: Panel,
  frame: Box,
  x: Scale,
  y: Scale,
): Box | undefined {
  if (legend.length === 0) return undefined;
  const placed = linesOf(panel).map((mark) => placeCurve(mark, frame, x, y));
  const curves = placed.flatMap((curve) => [
    ...curve.pieces.flatMap(alongLine),
    ...curve.above.map((left): Place => [left, frame.y + 3]),
    ...curve.below.map((left): Place => [left, frame.y + frame.height - 3]),
  ]);
  const rules = rulesOf(panel).flatMap((rule) => {
    const share = rule.axis === 'x' ? x.at(rule.at) : y.at(rule.at);
    const [left, top] = [frame.x + share * frame.width, frame.y + (1 - share) * frame.height];
    return rule.axis === 'x'
      ? alongLine([
          [left, frame.y],
          [left, frame.y + frame.height],
        ])
      : alongLine([
          [frame.x, top],
          [frame.x + frame.width, top],
        ]);
  });
  return freePlace(legend, frame, [...curves, ...rules]) ?? freePlace(legend, frame, curves);
}

/** A y scale with room above the curves for a legend that would otherwise have none. */
function withHeadroom(panel: Panel, frame: Box, x: Scale, y: Scale): Scale {
  const legend = panel.legend && !isEmpty(panel) ? legendOf(panel) : [];
  if (legend.length === 0 || panel.y.domain || legendPlace(legend, panel, frame, x, y)) return y;
  const size = legendSize(legend);
  const share = (size.height + 2 * legendSpace) / frame.height;
  if (share > 0.35 || size.width > frame.width - 2 * legendSpace) return y;
  const [low, high] = y.domain;
  const top = y.kind === 'log' ? low * (high / low) ** (1 / (1 - share)) : low + (high - low) / (1 - share);
  return top < largest ? scaleOf(y.kind, [low, top]) : y;
}

const isEmpty = (panel: Panel): boolean =>
  panel.marks.every(
    (m) => m.type === 'rule' || (m.type === 'line' ? m.y : m.values).every((v) => v === null),
  );

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

function legendOf(panel: Panel): KeyEntry[] {
  return linesOf(panel)
    .filter((l) => l.label !== undefined && l.label !== '')
    .map((l) => ({ label: l.label!, symbol: { type: 'line', stroke: lineStroke(l.style), upright: false } }));
}

/** Vertical lines and marked points are explained once for the whole figure. */
function keyOf(fitted: FittedPanel): KeyEntry[] {
  const rules = rulesOf(fitted.panel)
    .filter((r) => r.axis === 'x' && r.label !== '' && isInside(r.at, fitted.x.scale))
    .map(
      (r): KeyEntry => ({
        label: r.label,
        symbol: { type: 'line', stroke: ruleStroke[r.role], upright: true },
      }),
    );
  const points = (fitted.surface?.mark.points ?? []).map(
    (p): KeyEntry => ({ label: p.label, symbol: { type: 'dot', fill: ruleStroke[p.role].stroke } }),
  );
  return [...rules, ...points];
}

/** Names of horizontal reference lines, right of the frame; close ones are moved apart. */
function levelNames(fitted: FittedPanel, frame: Box): Item[] {
  const size = sizes.tick;
  const levels = rulesOf(fitted.panel)
    .filter((r) => r.axis === 'y' && r.label !== '' && isInside(r.at, fitted.y.scale))
    .map((r) => ({ rule: r, y: frame.y + frame.height * (1 - fitted.y.scale.at(r.at)) }))
    .sort((a, b) => a.y - b.y);
  let free = -Infinity;
  return levels.map(({ rule, y }) => {
    const baseline = Math.max(y + 0.36 * size, free);
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

function colourBar({ mark, bands }: { mark: SurfaceMark; bands: Bands }, frame: Box, room: number): Item[] {
  const bar = { x: frame.x + frame.width + barGap, y: frame.y, width: barWidth, height: frame.height };
  const label: TextItem = {
    type: 'text',
    x: frame.x + frame.width + room - 0.28 * sizes.label,
    y: frame.y + frame.height / 2,
    text: mark.label,
    size: sizes.label,
    anchor: 'middle',
    upward: true,
  };
  const labels = barLabels(bands, frame.height, sizes.tick);
  return [
    { type: 'group', name: 'colour bar', items: [...drawColourBar(bands, bar, labels, sizes.tick), label] },
  ];
}

/** Title and remark, centred above the frame. */
function head(fitted: FittedPanel, frame: Box): Item[] {
  const middle = frame.x + frame.width / 2;
  const { remark } = fitted.panel;
  const items: Item[] = [];
  let bottom = frame.y - 2.5;
  if (remark) {
    items.push({
      type: 'text',
      x: middle,
      y: bottom - 0.24 * sizes.small,
      text: remark,
      size: sizes.small,
      anchor: 'middle',
      fill: ink.faint,
    });
    bottom -= lineHeight * sizes.small;
  }
  [...fitted.title].reverse().forEach((text, i) => {
    const y = bottom - 0.24 * sizes.panelTitle - i * lineHeight * sizes.panelTitle;
    items.push({ type: 'text', x: middle, y, text, size: sizes.panelTitle, anchor: 'middle' });
  });
  return items;
}

type Place = readonly [number, number];

/** Points along a line, at most two points of the page apart, for finding a place that it leaves free. */
function alongLine(piece: readonly Place[]): Place[] {
  return piece.flatMap(([x, y], i): Place[] => {
    const next = piece[i + 1];
    if (!next) return [[x, y]];
    const steps = Math.min(500, Math.max(1, Math.ceil(Math.hypot(next[0] - x, next[1] - y) / 2)));
    return Array.from(
      { length: steps },
      (_, k): Place => [x + ((next[0] - x) * k) / steps, y + ((next[1] - y) * k) / steps],
    );
  });
}
