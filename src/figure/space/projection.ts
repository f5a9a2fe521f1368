import type { View } from '../figure.ts';

/** In the cube [0, 1]³ that the data fill, and on the page. */
export type Point3 = readonly [number, number, number];
export type Place = readonly [number, number];

/**
 * An orthographic projection: parallel lines stay parallel and equal heights stay equal, so that the axes can be read
 * like a ruler. The cube is as wide as it is deep and `height` times as high.
 */
export interface Projection {
  readonly view: View;
  /** From the scene to the viewer, in the cube's directions. */
  readonly towards: Point3;
  /** On the page, y downwards; the middle of the cube's floor is at the origin, an edge of the floor has length 1. */
  project(point: Point3): Place;
}

/** Height of the cube over its width. */
export const cubeHeight = 0.72;

export function projectionOf(view: View): Projection {
  const [azimuth, elevation] = [(view.azimuth * Math.PI) / 180, (view.elevation * Math.PI) / 180];
  const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
  return {
    view,
    towards: [ce * ca, ce * sa, se],
    project([x, y, z]) {
      const [a, b, c] = [x - 0.5, y - 0.5, z * cubeHeight];
      return [-sa * a + ca * b, se * (ca * a + sa * b) - ce * c];
    },
  };
}
