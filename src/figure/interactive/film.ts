/// <reference lib="dom" />
/** A slider over the frames of a figure that moves, and a button that moves it. */
import { plainText } from '../math-text.ts';
import { byId, figure, showFrame } from './page.ts';
import { tellAgain } from './pointing.ts';

export function listFrames(): void {
  const { frames } = figure;
  if (!frames || frames.length < 2) return;
  byId('film').hidden = false;
  const slider = byId('frame') as HTMLInputElement;
  const play = byId('play');
  const last = frames.length - 1;
  let timer: number | undefined;
  const show = (k: number): void => {
    const title = plainText(frames[k]!.title);
    slider.value = String(k);
    slider.setAttribute('aria-valuetext', title);
    byId('frame-title').textContent = title;
    showFrame(k);
    tellAgain();
  };
  const stop = (): void => {
    window.clearInterval(timer);
    timer = undefined;
    play.textContent = '▶ play';
  };
  slider.max = String(last);
  slider.addEventListener('input', () => {
    stop();
    show(Number(slider.value));
  });
  play.addEventListener('click', () => {
    if (timer !== undefined) return stop();
    play.textContent = '⏸ stop';
    if (Number(slider.value) === last) show(0);
    timer = window.setInterval(() => {
      show(Number(slider.value) + 1);
      if (Number(slider.value) === last) stop();
    }, 400);
  });
  stop();
  show(last);
}
