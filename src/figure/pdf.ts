import PDFDocument from 'pdfkit';
import svgToPdfkit from 'svg-to-pdfkit';
import { fontFiles } from './font-files.ts';
import type { Face } from './typography.ts';

/** The date in every file: a figure's bytes must not depend on when it was drawn. */
const epoch = new Date(0);

/** The drawing as one page of vectors with its fonts embedded: the same SVG gives the same bytes. */
export async function svgToPdf(svg: string, title: string): Promise<Buffer> {
  // The converter takes bare numbers for points, but stretches those that say `pt` by 4/3.
  const [size, width, height] = / width="([\d.]+)pt" height="([\d.]+)pt"/u.exec(svg) ?? [];
  const bare = svg.replace(size ?? '', ` width="${width}" height="${height}"`);
  const document = new PDFDocument({
    size: [Number(width), Number(height)],
    margin: 0,
    info: { Title: title, Producer: 'orograph', Creator: 'orograph', CreationDate: epoch, ModDate: epoch },
  });
  const files = fontFiles();
  for (const face of Object.keys(files) as Face[]) document.registerFont(face, files[face]);
  const chunks: Buffer[] = [];
  const finished = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => resolve(Buffer.concat(chunks)));
    document.on('error', reject);
  });
  svgToPdfkit(document as unknown as Parameters<typeof svgToPdfkit>[0], bare, 0, 0, {
    assumePt: true,
    width: Number(width),
    height: Number(height),
    fontCallback: (_family, bold, italic): Face => (italic ? 'italic' : bold ? 'bold' : 'regular'),
    warningCallback: (warning) => {
      throw new Error(`the drawing cannot be written as PDF: ${warning}`);
    },
  });
  document.end();
  return finished;
}
