import { textWidth } from './fonts.ts';
import { axisTicks, type Scale, type Ticks } from './scale.ts';
import { type Box, type Item, line, rectangle } from './scene.ts';
import { ink, sizes } from './style.ts';
import { ascent, centred } from './typography.ts';

/** Distance of a tick's label from the frame. */
export const labelGap = sizes.tickLength + 1.8;

/** Ticks of a horizontal axis `length` points long: no two labels come closer than two thirds of a letter's height. */
export function horizontalTicks(scale: Scale, length: number, categories?: readonly string[]): Ticks {
  if (categories) return categoryTicks(categories, length / categories.length);
  return axisTicks(scale, Math.round(length / 26), (list) =>
    list.every((tick, i) => {
      const next = list[i + 1];
      if (!next) return true;
      const room = (scale.at(next.at) - scale.at(tick.at)) * length;
      return (
        (textWidth(tick.text, sizes.tick) + textWidth(next.text, sizes.tick)) / 2 + 0.66 * sizes.tick <= room
      );
    }),
  );
}

/** A name at each whole number, turned upwards where they are wider than their places. */
function categoryTicks(names: readonly string[], room: number): Ticks {
  const turned = names.some((name) => textWidth(name, sizes.tick) + 0.4 * sizes.tick > room);
  // Turned names stand side by side like lines of text; where even that is too close, some are left out.
  const every = turned ? Math.max(1, Math.ceil((1.05 * sizes.tick) / room)) : 1;
  const list = names.map((text, at) => ({ at, text: at % every === 0 ? text : '' }));
  return { list, exponent: 0, turned };
}

/** Height of the tick labels below a frame, with their distance from it. */
export function footHeight(ticks: Ticks): number {
  return labelGap + (ticks.turned ? widestTick(ticks) : sizes.tick);
}

/** Ticks of a vertical axis `length` points long; `whole`: at whole numbers alone. */
export function verticalTicks(scale: Scale, length: number, whole = false): Ticks {
  return axisTicks(scale, Math.round(length / 20), (list) =>
    list.every((tick, i) => {
      const next = list[i + 1];
      if (whole && !Number.isInteger(tick.at)) return false;
      return !next || (scale.at(next.at) - scale.at(tick.at)) * length >= 1.35 * sizes.tick;
    }),
  );
}

/** An axis label, with the power of ten that its tick labels leave out. */
export function axisLabel(label: string, exponent: number): string {
  if (exponent === 0) return label;
  return `${label}${label === '' ? '' : ' '}(×$10^{${exponent}}$)`;
}

export function widestTick(ticks: Ticks): number {
  return Math.max(0, ...ticks.list.map((t) => textWidth(t.text, sizes.tick)));
}

interface DrawnAxis {
  readonly scale: Scale;
  readonly ticks: Ticks;
  /** Whether the ticks have their labels. */
  readonly numbered: boolean;
}

export interface AxisPair {
  readonly x: DrawnAxis;
  readonly y: DrawnAxis;
}

/** Frame, ticks and tick labels. */
export function drawAxes(frame: Box, axes: AxisPair): Item[] {
  const bottom = frame.y + frame.height;
  const marks: string[] = [];
  const texts: Item[] = [];
  for (const tick of axes.x.ticks.list) {
    const x = frame.x + axes.x.scale.at(tick.at) * frame.width;
    marks.push(
      line([
        [x, bottom],
        [x, bottom + (tick.text === '' ? sizes.minorTickLength : sizes.tickLength)],
      ]),
    );
    if (tick.text === '' || !axes.x.numbered) continue;
    texts.push(
      axes.x.ticks.turned
        ? {
            type: 'text',
            x: x + centred * sizes.tick,
            y: bottom + labelGap,
            text: tick.text,
            size: sizes.tick,
            anchor: 'end',
            angle: 90,
          }
        : {
            type: 'text',
            x,
            y: bottom + labelGap + ascent * sizes.tick,
            text: tick.text,
            size: sizes.tick,
            anchor: 'middle',
          },
    );
  }
  for (const tick of axes.y.ticks.list) {
    const y = bottom - axes.y.scale.at(tick.at) * frame.height;
    marks.push(
      line([
        [frame.x, y],
        [frame.x - (tick.text === '' ? sizes.minorTickLength : sizes.tickLength), y],
      ]),
    );
    if (tick.text !== '' && axes.y.numbered)
      texts.push({
        type: 'text',
        x: frame.x - labelGap,
        y: y + centred * sizes.tick,
        text: tick.text,
        size: sizes.tick,
        anchor: 'end',
      });
  }
  return [
    { type: 'path', d: rectangle(frame), stroke: ink.frame, width: sizes.frame },
    ...(marks.length > 0
      ? [{ type: 'path', d: marks.join(''), stroke: ink.frame, width: sizes.frame } as const]
      : []),
    ...texts,
  ];
}
