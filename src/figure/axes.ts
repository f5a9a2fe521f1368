import { textWidth } from './fonts.ts';
import { axisTicks, type Scale, type Ticks } from './scale.ts';
import { type Box, type Item, line, rectangle } from './scene.ts';
import { ink, sizes } from './style.ts';

/** Distance of a tick's label from the frame, and the baseline's offset that centres digits on a height. */
export const labelGap = sizes.tickLength + 1.8;
export const centred = 0.36;

/** Ticks of a horizontal axis `length` points long: no two labels come closer than two thirds of a letter's height. */
export function horizontalTicks(scale: Scale, length: number): Ticks {
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

/** Ticks of a vertical axis `length` points long. */
export function verticalTicks(scale: Scale, length: number): Ticks {
  return axisTicks(scale, Math.round(length / 20), (list) =>
    list.every((tick, i) => {
      const next = list[i + 1];
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

export interface AxisPair {
  readonly x: { readonly scale: Scale; readonly ticks: Ticks };
  readonly y: { readonly scale: Scale; readonly ticks: Ticks };
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
    if (tick.text !== '')
      texts.push({
        type: 'text',
        x,
        y: bottom + labelGap + 0.76 * sizes.tick,
        text: tick.text,
        size: sizes.tick,
        anchor: 'middle',
      });
  }
  for (const tick of axes.y.ticks.list) {
    const y = bottom - axes.y.scale.at(tick.at) * frame.height;
    marks.push(
      line([
        [frame.x, y],
        [frame.x - (tick.text === '' ? sizes.minorTickLength : sizes.tickLength), y],
      ]),
    );
    if (tick.text !== '')
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
