import { crc32 } from 'node:zlib';
import { Resvg } from '@resvg/resvg-js';
import { fontFiles } from './font-files.ts';
import { fontFamily } from './typography.ts';

/**
 * Pixels of a drawing: `dpi` per inch of its width in points, with that resolution noted in the file. The fonts are
 * the package's own, never the system's, so the same SVG gives the same bytes.
 */
export function svgToPng(svg: string, dpi: number): Buffer {
  const points = Number(/ width="([\d.]+)pt"/u.exec(svg)?.[1]);
  const rendered = new Resvg(svg, {
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
  return withResolution(rendered.render().asPng(), dpi);
}

/** Adds a pHYs chunk (PNG specification 11.3.5.3: pixels per metre) behind the header. */
function withResolution(png: Buffer, dpi: number): Buffer {
  const headerEnd = 8 + 4 + 4 + 13 + 4;
  const body = Buffer.alloc(13);
  body.write('pHYs', 0, 'latin1');
  const perMetre = Math.round(dpi / 0.0254);
  body.writeUInt32BE(perMetre, 4);
  body.writeUInt32BE(perMetre, 8);
  body[12] = 1;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(9);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([png.subarray(0, headerEnd), length, body, check, png.subarray(headerEnd)]);
}
