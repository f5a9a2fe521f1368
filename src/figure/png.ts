import { renderAsync } from '@resvg/resvg-js';
import { fontFiles } from './font-files.ts';
import { pngChunk } from './stamp/png.ts';
import { fontFamily } from './typography.ts';

/**
 * Pixels of a drawing: `dpi` per inch of its width in points, with that resolution noted in the file. The fonts are
 * the package's own, never the system's, so the same SVG gives the same bytes. It is drawn on a thread of its own.
 */
export async function svgToPng(svg: string, dpi: number): Promise<Buffer> {
  const points = Number(/ width="([\d.]+)pt"/u.exec(svg)?.[1]);
  const rendered = await renderAsync(svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: Object.values(fontFiles()),
      defaultFontFamily: fontFamily,
      sansSerifFamily: fontFamily,
    },
    fitTo: { mode: 'width', value: Math.round((points / 72) * dpi) },
    background: '#ffffff',
    logLevel: 'error',
  });
  return withResolution(rendered.asPng(), dpi);
}

/** Adds a pHYs chunk (PNG specification 11.3.5.3: pixels per metre) behind the header. */
function withResolution(png: Buffer, dpi: number): Buffer {
  const headerEnd = 8 + 4 + 4 + 13 + 4;
  const body = Buffer.alloc(9);
  const perMetre = Math.round(dpi / 0.0254);
  body.writeUInt32BE(perMetre, 0);
  body.writeUInt32BE(perMetre, 4);
  body[8] = 1;
  return Buffer.concat([png.subarray(0, headerEnd), pngChunk('pHYs', body), png.subarray(headerEnd)]);
}
