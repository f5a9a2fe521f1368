import {
  interpolateCividis,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateViridis,
} from 'd3-scale-chromatic';
import type { ColourMap, RuleRole } from './figure.ts';
import { number } from './scene.ts';

/** Sizes in points, as a printed two-column paper has them. */
export const sizes = {
  figureTitle: 9,
  panelTitle: 8,
  label: 7.5,
  tick: 7,
  small: 6,
  line: 1.1,
  /** Of short curves that lie under a line. */
  segment: 2.4,
  /** Of such curves that are hardly wider than they are broad. */
  finest: 0.8,
  frame: 0.6,
  tickLength: 2.8,
  minorTickLength: 1.6,
} as const;

export const ink = {
  text: '#000000',
  faint: '#555555',
  frame: '#333333',
  paper: '#ffffff',
} as const;

/** Okabe and Ito (2008), safe for colour-blind readers; without yellow, too pale on paper, and black, for references. */
const palette = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'] as const;
const dashes: readonly (readonly number[] | undefined)[] = [
  undefined,
  [4, 1.6],
  [1.2, 1.2],
  [5, 1.4, 1.2, 1.4],
];

export interface Stroke {
  readonly stroke: string;
  readonly width: number;
  readonly dash?: readonly number[];
}

/** The look of curve number `style`: six colours, then the same with other dashes. */
export function lineStroke(style: number): Stroke {
  const dash = dashes[Math.floor(style / palette.length) % dashes.length];
  return { stroke: palette[style % palette.length]!, width: sizes.line, ...(dash && { dash }) };
}

/** The paper's conventions: black dots at the model, red dots at the target, grey dots at a level. */
export const ruleStroke: Readonly<Record<RuleRole, Stroke>> = {
  model: { stroke: '#000000', width: 0.9, dash: [0.9, 1.7] },
  target: { stroke: '#c8102e', width: 0.9, dash: [0.9, 1.7] },
  level: { stroke: '#555555', width: 0.9, dash: [0.9, 1.7] },
};

const maps: Record<ColourMap, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  magma: interpolateMagma,
  inferno: interpolateInferno,
  plasma: interpolatePlasma,
};

/** Colour of a map at `t` in [0, 1] as #rrggbb. */
export function mapColour(map: ColourMap, t: number): string {
  const colour = maps[map](Math.min(1, Math.max(0, t)));
  const parts = /^rgb\((\d+), ?(\d+), ?(\d+)\)$/u.exec(colour);
  if (!parts) return colour;
  return `#${parts
    .slice(1)
    .map((p) => Number(p).toString(16).padStart(2, '0'))
    .join('')}`;
}

/** A colour #rrggbb under less light, `light` from 0 to 1. */
export function shaded(colour: string, light: number): string {
  return `#${[1, 3, 5]
    .map((at) =>
      Math.round(Number.parseInt(colour.slice(at, at + 2), 16) * light)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** A small triangle that points at the frame's edge: here the curve leaves the numbers. */
export function triangle(x: number, edge: number, direction: 'up' | 'down'): string {
  const sign = direction === 'up' ? 1 : -1;
  const tip = edge + sign * 0.8;
  const base = edge + sign * 4.6;
  return `M${number(x)} ${number(tip)}L${number(x + 2.1)} ${number(base)}H${number(x - 2.1)}Z`;
}
