import PDFDocument from 'pdfkit';
import { font, textWidth } from './fonts.ts';
import { parseMath } from './math-text.ts';
import { type Item, number, type PathItem, rectangle, type Scene, type TextItem } from './scene.ts';
import { faceOf, scriptShift, scriptSize } from './typography.ts';

/** The date in every file: a figure's bytes must not depend on when it was drawn. */
const epoch = new Date(0);

/**
 * The drawing as one page of vectors with its fonts embedded: the same scene gives the same bytes. It is written
 * straight from the scene, as the SVG is: reading that SVG again would cost more than all of the drawing.
 */
export async function sceneToPdf({ width, height, title, items }: Scene): Promise<Buffer> {
  const document = new PDFDocument({
    size: [width, height],
    margin: 0,
    // None to begin with: Helvetica would be read, and never used.
    font: '',
    info: { Title: title, Producer: 'orograph', Creator: 'orograph', CreationDate: epoch, ModDate: epoch },
  });
  const chunks: Buffer[] = [];
  const finished = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => resolve(Buffer.concat(chunks)));
    document.on('error', reject);
  });
  document.path(rectangle({ x: 0, y: 0, width, height })).fill('#ffffff');
  document.lineJoin('round').lineCap('round');
  write(document, items);
  document.end();
  return finished;
}

/** A surface is thousands of plain paths: their operators are gathered, and handed to the library as one text. */
function write(document: PDFKit.PDFDocument, items: readonly Item[]): void {
  const operators: string[] = [];
  const flush = (): void => {
    if (operators.length > 0) document.addContent(operators.join('\n'));
    operators.length = 0;
  };
  for (const item of items) {
    if (item.type === 'path' && isPlain(item)) {
      operators.push(...plainPath(item));
      continue;
    }
    flush();
    if (item.type === 'text') writeText(document, item);
    else if (item.type === 'path') writePath(document, item);
    else {
      if (item.clip) document.save().path(rectangle(item.clip)).clip();
      write(document, item.items);
      if (item.clip) document.restore();
    }
  }
  flush();
}

/** Of straight lines, covering what lies below. */
const isPlain = ({ d, dash, opacity }: PathItem): boolean =>
  dash === undefined && opacity === undefined && !/[^MLZ\d .-]/u.test(d);

/** A path in the operators of ISO 32000-1, 8.5: straight lines are the same words as in SVG, in another order. */
function plainPath({ d, fill, stroke, width }: PathItem): string[] {
  if (!fill && !stroke) return [];
  const lines = d
    .replace(/([ML])([^MLZ]+)/gu, (_, command: string, at: string) => `${at} ${command.toLowerCase()}\n`)
    .replaceAll('Z', 'h\n')
    .trimEnd();
  return [
    ...(fill ? [`${shares(fill)} rg`] : []),
    ...(stroke ? [`${shares(stroke)} RG`, `${number(width ?? 1)} w`] : []),
    lines,
    fill ? (stroke ? 'B' : 'f') : 'S',
  ];
}

/** Red, green and blue of `#rrggbb`, each from 0 to 1. */
function shares(colour: string): string {
  const known = sharesOf.get(colour);
  if (known !== undefined) return known;
  const text = [1, 3, 5]
    .map((at) => +(Number.parseInt(colour.slice(at, at + 2), 16) / 255).toFixed(4))
    .join(' ');
  sharesOf.set(colour, text);
  return text;
}
const sharesOf = new Map<string, string>();

function writePath(document: PDFKit.PDFDocument, { d, fill, stroke, width, dash, opacity }: PathItem): void {
  if (!fill && !stroke) return;
  document.save();
  if (opacity !== undefined) document.fillOpacity(opacity);
  if (stroke) document.lineWidth(width ?? 1);
  // The page's ends are round; a dash must end where it ends.
  if (stroke && dash) document.dash(dash as unknown as number, {}).lineCap('butt');
  document.path(d);
  if (fill && stroke) document.fillAndStroke(fill, stroke);
  else if (fill) document.fill(fill);
  else document.stroke(stroke);
  document.restore();
}

function writeText(document: PDFKit.PDFDocument, item: TextItem): void {
  const bold = item.bold ?? false;
  const whole = item.anchor === 'start' ? 0 : textWidth(item.text, item.size, bold);
  let x = item.anchor === 'start' ? 0 : item.anchor === 'middle' ? -whole / 2 : -whole;
  document.save().translate(item.x, item.y);
  if (item.angle) document.rotate(-item.angle);
  document.fillColor(item.fill ?? '#000000');
  for (const run of parseMath(item.text)) {
    const size = run.shift === 0 ? item.size : item.size * scriptSize;
    const y =
      run.shift === 0 ? 0 : run.shift > 0 ? -scriptShift.up * item.size : scriptShift.down * item.size;
    const face = faceOf(run, bold);
    // The very font that the widths are from; the library takes an open one, its types do not say so.
    document
      .font(font(face) as unknown as Buffer, face)
      .fontSize(size)
      .text(run.text, x, y, { lineBreak: false, baseline: 'alphabetic' });
    x += document.widthOfString(run.text);
  }
  document.restore();
}
