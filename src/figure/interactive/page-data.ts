import type { Figure } from '../figure.ts';
import type { Scale } from '../scale.ts';
import type { Box } from '../scene.ts';

/** What the program in an HTML figure knows: the description, and where its panels stand. */
export interface PageData {
  readonly figure: Figure;
  readonly panels: readonly PlaceData[];
  /** Of a figure that moves, frame by frame. */
  readonly frames?: readonly FrameData[];
}

/** A frame as it is drawn, its numbers, legends and insets where it has room for them, and where its panels stand. */
export interface FrameData {
  /** The inside of the drawing; views of space in it are empty. */
  readonly drawing: string;
  readonly panels: readonly PlaceData[];
}

/** A placed panel, as JSON can say it. */
export interface PlaceData {
  readonly frame: Box;
  readonly scales?: { readonly x: ScaleData; readonly y: ScaleData };
  readonly inset?: PlaceData;
}

interface ScaleData {
  readonly kind: Scale['kind'];
  readonly domain: readonly [number, number];
}
