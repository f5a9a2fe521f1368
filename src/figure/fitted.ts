import type { Panel } from './figure.ts';
import type { KeyEntry } from './key.ts';
import type { Scale } from './scale.ts';
import type { Box, Item } from './scene.ts';

/** A panel for a frame of known size: what it needs around the frame, and how it is drawn into one. */
export interface FittedPanel {
  readonly panel: Panel;
  /** Axis labels outside the frame, which neighbours may share; empty where the panel sets its own. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly title: readonly string[];
  /** Width of the tick labels left of the frame, with their distance. */
  readonly left: number;
  /** Room right of the frame: names of levels, a colour bar, half of the last tick label. */
  readonly right: number;
  /** Height of the tick labels below the frame, with their distance. */
  readonly foot: number;
  /** Scales of the frame, for whoever has to find data under a pointer. */
  readonly scales?: { readonly x: Scale; readonly y: Scale };
  /** Whether the y axis belongs to this panel alone: no neighbour's label serves for it. */
  readonly alone: boolean;
  /** Whether it sets its numbers itself inside whatever it is given: it takes the room of its neighbours' numbers too. */
  readonly fills?: boolean;
  draw(frame: Box): DrawnPanel;
}

export interface DrawnPanel {
  readonly items: readonly Item[];
  /** What the figure's key has to explain. */
  readonly key: readonly KeyEntry[];
  readonly inset?: PlacedPanel;
}

/** Where a panel's frame stands, and its scales where it has two axes: what finds data under a pointer. */
export interface PlacedPanel {
  readonly frame: Box;
  readonly scales?: { readonly x: Scale; readonly y: Scale };
  readonly inset?: PlacedPanel;
}
