/** What a drawing is made of, after layout: positions in points from the top left corner. */
export interface Scene {
  readonly width: number;
  readonly height: number;
  /** For readers who cannot see it, and the document's title. */
  readonly title: string;
  readonly items: readonly Item[];
}

export type Item = PathItem | TextItem | GroupItem;

export interface PathItem {
  readonly type: 'path';
  /** SVG path data. */
  readonly d: string;
  readonly fill?: string;
  readonly stroke?: string;
  readonly width?: number;
  readonly dash?: readonly number[];
  /** Of the fill, 0 to 1; left out, 1. */
  readonly opacity?: number;
}

export interface TextItem {
  readonly type: 'text';
  /** Of the anchor on the baseline. */
  readonly x: number;
  readonly y: number;
  /** With mathematics. */
  readonly text: string;
  readonly size: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly fill?: string;
  readonly bold?: boolean;
  /** Degrees against the clock about the anchor: 90 reads upwards. */
  readonly angle?: number;
}

/** Items that belong together; with a rectangle, what lies outside it is not shown. */
export interface GroupItem {
  readonly type: 'group';
  readonly name: string;
  /** Position of its mark in the description, so that the interactive form can find it. */
  readonly mark?: number;
  readonly clip?: Box;
  readonly items: readonly Item[];
}

/** Left, top, width, height. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Coordinates are written with two decimals: 1/7200 inch, and the same text on every machine. */
export function number(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return String(rounded === 0 ? 0 : rounded);
}

export const line = (points: readonly (readonly [number, number])[], close = false): string =>
  points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${number(x)} ${number(y)}`).join('') + (close ? 'Z' : '');

export const rectangle = ({ x, y, width, height }: Box): string =>
  `M${number(x)} ${number(y)}H${number(x + width)}V${number(y + height)}H${number(x)}Z`;

export function circle(x: number, y: number, radius: number): string {
  const r = number(radius);
  return `M${number(x - radius)} ${number(y)}A${r} ${r} 0 1 1 ${number(x + radius)} ${number(y)}A${r} ${r} 0 1 1 ${number(x - radius)} ${number(y)}Z`;
}
