import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { animatedPng, framesOf } from '../../src/figure/animated-png.ts';
import { frameScenes, stillOf } from '../../src/figure/animation.ts';
import { layOut } from '../../src/figure/draw.ts';
import type { Figure, Mark, PlanePanel, SpacePanel } from '../../src/figure/figure.ts';
import { figureToHtml } from '../../src/figure/interactive/html.ts';
import type { PageData } from '../../src/figure/interactive/page-data.ts';
import { svgToPng } from '../../src/figure/png.ts';
import { smallPng } from '../../src/figure/small-png.ts';
import { pngChunk, pngChunks, pngSignature } from '../../src/figure/stamp/png.ts';
import { stamped, stampOf } from '../../src/figure/stamp/stamp.ts';
import { sceneToSvg } from '../../src/figure/svg.ts';
import { digestOf } from '../../src/util/digest.ts';
import { Random } from '../../src/util/random.ts';
import { figures } from './figures.ts';

const space = figures['surfaces-in-space']!.panels[0] as SpacePanel;
const plane = figures.surfaces!.panels[0]!;
const rising = (k: number): SpacePanel => ({
  ...space,
  z: { ...space.z, domain: [0, 40] },
  surface: { ...space.surface, values: space.surface.values.map((v) => (v === null ? null : v + k)) },
});
const film: Figure = {
  width: 300,
  frame: { aspect: 1 },
  columns: 2,
  title: 'Rising',
  panels: [rising(2), plane],
  // The second title takes two lines.
  frames: [0, 1, 2].map((k) => ({
    title: k === 1 ? 'a title that is too long for one line of so narrow a figure' : `$E=${k}$`,
    panels: [rising(k), plane],
  })),
};

describe('a figure that moves', () => {
  it('has frames of one size, each with its title, that differ in what is drawn', () => {
    const scenes = frameScenes(film);
    expect(new Set(scenes.map(({ width, height }) => `${width} ${height}`)).size).toBe(1);
    expect(scenes.map(({ title }) => title)[2]).toBe('Rising, E\u2009=\u20092');
    expect(new Set(scenes.map(sceneToSvg)).size).toBe(3);
  });

  it('as a PNG holds every frame as it is, in turn, and keeps its provenance', async () => {
    const frames = await Promise.all(frameScenes(film).map((scene) => svgToPng(sceneToSvg(scene), 40)));
    const file = stamped(animatedPng(frames), '.png', '{"a":1}');
    expect(stampOf(file)).toBe('{"a":1}');
    const chunks = pngChunks(file);
    expect(chunks.map(({ type }) => type).slice(0, 2)).toEqual(['IHDR', 'acTL']);
    expect(chunks.find(({ type }) => type === 'acTL')!.data.readUInt32BE(0)).toBe(3);
    // Control and later data are numbered through, without a gap.
    const numbered = chunks.filter(({ type }) => type === 'fcTL' || type === 'fdAT');
    expect(numbered.map(({ data }) => data.readUInt32BE(0))).toEqual(numbered.map((_, i) => i));
    const pixels = (parts: readonly Buffer[]): Buffer => inflateSync(Buffer.concat(parts));
    const starts = chunks.flatMap(({ type }, i) => (type === 'fcTL' ? [i] : []));
    starts.forEach((start, k) => {
      const own = chunks.slice(start + 1, starts[k + 1]).flatMap(({ type, data }) => {
        if (type === 'IDAT') return [data];
        return type === 'fdAT' ? [data.subarray(4)] : [];
      });
      const given = pngChunks(frames[k]!).flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []));
      expect(pixels(own).equals(pixels(given)), `frame ${k}`).toBe(true);
      expect(chunks[start]!.data.subarray(4, 12).equals(chunks[0]!.data.subarray(0, 8))).toBe(true);
    });
    // Without what makes it move it is the first frame.
    const still = chunks.filter(({ type }) => !['acTL', 'fcTL', 'fdAT', 'iTXt'].includes(type));
    const bare = Buffer.concat([pngSignature, ...still.map(({ type, data }) => pngChunk(type, data))]);
    expect(bare.equals(frames[0]!)).toBe(true);
  });

  it('can be made small, still moves, and each frame is what it was', async () => {
    const frames = await Promise.all(frameScenes(film).map((scene) => svgToPng(sceneToSvg(scene), 100)));
    const file = stamped(animatedPng(frames), '.png', '{"a":1}');
    expect(framesOf(file).map((frame) => frame.length)).toHaveLength(3);
    const limit = file.length / 2.5;
    const small = await smallPng(file, limit, 240);
    const stamp = `{"a":1,"reduced":"reduced copy of sha256:${digestOf(file)}"}`;
    expect(stampOf(small)).toBe(stamp);
    // What it says of itself does not make the picture smaller.
    const length = pngChunk('iTXt', Buffer.alloc(0)).length + stamp.length;
    expect(small.length - length).toBeLessThanOrEqual(limit + 100);
    const shown = framesOf(small);
    expect(shown).toHaveLength(3);
    const { width } = await sharp(shown[0]!).metadata();
    const pixels = (png: Buffer): Promise<Buffer> =>
      sharp(png).resize({ width }).removeAlpha().raw().toBuffer();
    const difference = async (a: Buffer, b: Buffer): Promise<number> => {
      const [p, q] = [await pixels(a), await pixels(b)];
      return p.reduce((sum, v, i) => sum + Math.abs(v - q[i]!), 0) / p.length;
    };
    for (const [k, frame] of frames.entries()) expect(await difference(shown[k]!, frame)).toBeLessThan(1.5);
    expect(await difference(shown[0]!, frames[1]!)).toBeGreaterThan(3);
    // One that does not move.
    const still = await smallPng(stamped(frames[0]!, '.png', '{"b":2}'), frames[0]!.length / 2, 240);
    expect(JSON.parse(stampOf(still)!)).toMatchObject({ b: 2 });
    // A provenance of some length takes little of the bytes; one that was damaged is none.
    const long = JSON.stringify({ b: 'again and '.repeat(5000) });
    const stampedSmall = await smallPng(stamped(frames[0]!, '.png', long), frames[0]!.length, 240);
    expect(JSON.parse(stampOf(stampedSmall)!)).toMatchObject(JSON.parse(long));
    expect(stampedSmall.length).toBeLessThan(frames[0]!.length);
    const at = stampedSmall.indexOf('orograph:provenance') + 60;
    const damaged = Buffer.from(stampedSmall);
    damaged[at] = damaged[at]! ^ 255;
    expect(stampOf(damaged)).toBeUndefined();
    expect(await difference(await sharp(still).resize({ width }).png().toBuffer(), frames[0]!)).toBeLessThan(
      2,
    );
  });

  it('is made small no further than it can be read, whatever it says of itself', async () => {
    const wide = await svgToPng(sceneToSvg(frameScenes(film)[0]!), 300);
    const { width: before } = await sharp(wide).metadata();
    expect(before).toBeGreaterThan(800);
    const width = async (limit: number, stamp: string): Promise<number> =>
      (await sharp(await smallPng(stamped(wide, '.png', stamp), limit)).metadata()).width;
    expect(await width(1000, '{}')).toBe(800);
    const roomy = await width(wide.length, '{}');
    expect(roomy).toBe(Math.min(1000, before));
    const random = [...new Random([1]).gaussians(20_000)].join();
    expect(await width(wide.length, JSON.stringify({ random }))).toBe(roomy);
  });

  it('refuses frames of different sizes', async () => {
    const [small, large] = await Promise.all(
      [30, 40].map((dpi) => svgToPng(sceneToSvg(frameScenes(film)[0]!), dpi)),
    );
    expect(() => animatedPng([small!, large!])).toThrow('different sizes');
  });

  it('as HTML carries each frame as it is drawn, where it stands, in a page for the highest', () => {
    const high = {
      ...plane,
      title: 'a title of the frame that needs more than one line of so narrow a panel',
    };
    const film2: Figure = {
      ...film,
      frames: film.frames!.map((frame, k) => (k === 1 ? { ...frame, panels: [rising(k), high] } : frame)),
    };
    const placed = layOut(film2);
    const html = figureToHtml(film2, placed, sceneToSvg(placed.scene));
    const json = /<script type="application\/json" id="figure">([^<]*)<\/script>/u.exec(html)![1]!;
    const { frames, panels } = JSON.parse(json) as PageData;
    expect(frames).toHaveLength(3);
    const still = frames!.map((_, k) => layOut({ ...film2, panels: film2.frames![k]!.panels }));
    const height = Math.max(...still.map(({ scene }) => scene.height));
    expect(height).toBeGreaterThan(placed.scene.height);
    expect(html).toContain(`viewBox="0 0 300 ${height}"`);
    frames!.forEach(({ drawing, panels: own }, k) => {
      expect(own.map(({ frame }) => frame)).toEqual(still[k]!.panels.map(({ frame }) => frame));
      // A view is drawn by the page; all else, clips too, is what the frame has alone.
      const [before, after] = drawing.split(/(?<=<g data-part="space">\n) *(?=<\/g>)/u);
      const svg = sceneToSvg({ ...still[k]!.scene, height });
      expect(svg).toContain(before);
      expect(svg).toContain(after);
    });
    expect(frames![1]!.panels[1]!.frame.y).toBeGreaterThan(panels[1]!.frame.y + 5);
    expect(html).toContain('id="play"');
  });

  it('names a level in the key of all frames where some have it in several columns', () => {
    const level: Mark = { type: 'rule', axis: 'y', at: 0.5, role: 'level', label: 'log $C$' };
    const panel = (marks: readonly Mark[]): PlanePanel => ({
      x: { label: 'λ', scale: 'linear' },
      y: { label: 'loss', scale: 'linear', domain: [0, 1] },
      legend: false,
      marks: [...marks, { type: 'line', x: [0, 1], y: [0, 1], style: 0 }],
    });
    const panels = [panel([level]), panel([])];
    const both: Figure = {
      width: 300,
      frame: { aspect: 1 },
      columns: 2,
      panels,
      frames: [
        { title: '1', panels: [panel([level]), panel([level])] },
        { title: '2', panels },
      ],
    };
    const frames = both.frames!.map((frame) => layOut(stillOf(both, frame)).panels.map(({ frame }) => frame));
    expect(frames[0]).toEqual(frames[1]);
  });
});
