import { layOut } from './draw.ts';
import type { Figure, Frame } from './figure.ts';
import type { Scene } from './scene.ts';

/** One frame of a figure that moves, laid out like the others; the frame's title follows the figure's. */
export function stillOf(figure: Figure, { title, panels }: Frame): Figure {
  const whole = [figure.title, title].filter((text) => text !== undefined && text !== '').join(', ');
  return { ...figure, ...(whole !== '' && { title: whole }), panels };
}

/** The frames as scenes of one size. */
export function frameScenes(figure: Figure): Scene[] {
  const scenes = (figure.frames ?? []).map((frame) => layOut(stillOf(figure, frame)).scene);
  const height = Math.max(...scenes.map((scene) => scene.height));
  return scenes.map((scene) => ({ ...scene, height }));
}
