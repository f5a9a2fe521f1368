import type { Figure } from '../figure.ts';
import type { Scale } from '../scale.ts';
import type { Box } from '../scene.ts';

/** What the program in an HTML figure knows: the description, and where its panels stand. */
export interface PageData {
  readonly figure: Figure;
  readonly panels: readonly PlaceData[];
  /** Of a figure that moves: what stands in each panel's group, frame by frame. */
  readonly insides?: readonly (readonly string[])[];
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
