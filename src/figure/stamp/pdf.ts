import { escapeXml, unescapeXml } from '../svg.ts';

const open = '<orograph:provenance>';
const close = '</orograph:provenance>';

/**
 * XMP metadata, added by an incremental update (PDF 1.7, 7.5.6 and 14.3.2): the file itself stays as it is, behind it
 * come the metadata, the catalogue that names them, and a cross-reference section for the two. Files whose
 * cross-references are streams come back unchanged.
 */
export function stampPdf(file: Buffer, text: string): Buffer {
  const pdf = file.toString('latin1');
  const previous = /startxref\s+(\d+)\s+%%EOF\s*$/u.exec(pdf)?.[1];
  const trailer = pdf.slice(pdf.lastIndexOf('trailer'));
  const size = /\/Size (\d+)/u.exec(trailer)?.[1];
  const root = /\/Root (\d+) (\d+) R/u.exec(trailer);
  if (!pdf.startsWith('%PDF-') || !previous || !size || !root) return file;
  const catalogue = catalogueOf(pdf, root[1]!, root[2]!);
  if (catalogue === undefined) return file;
  const xmp = Buffer.from(packet(text));
  const metadata = Number(size);
  const parts: Buffer[] = [file];
  let at = file.length;
  const add = (bytes: Buffer): number => {
    const start = at;
    parts.push(bytes);
    at += bytes.length;
    return start;
  };
  add(Buffer.from('\n'));
  const first = add(
    Buffer.concat([
      Buffer.from(
        `${metadata} 0 obj\n<< /Type /Metadata /Subtype /XML /Length ${xmp.length} >>\nstream\n`,
        'latin1',
      ),
      xmp,
      Buffer.from('\nendstream\nendobj\n'),
    ]),
  );
  const second = add(
    Buffer.from(
      `${root[1]} ${root[2]} obj\n<<${catalogue}\n/Metadata ${metadata} 0 R\n>>\nendobj\n`,
      'latin1',
    ),
  );
  const table = at;
  const entry = (offset: number, generation = '0'): string =>
    `${String(offset).padStart(10, '0')} ${generation.padStart(5, '0')} n \n`;
  const kept = ['Info', 'ID']
    .map((name) => new RegExp(`/${name} (\\d+ \\d+ R|\\[[^\\]]*\\])`, 'u').exec(trailer)?.[0] ?? '')
    .filter((found) => found !== '');
  add(
    Buffer.from(
      [
        `xref\n${root[1]} 1\n${entry(second, root[2])}${metadata} 1\n${entry(first)}`,
        `trailer\n<<\n/Size ${metadata + 1}\n${root[0]}\n${kept.join('\n')}\n/Prev ${previous}\n>>\n`,
        `startxref\n${table}\n%%EOF\n`,
      ].join(''),
      'latin1',
    ),
  );
  return Buffer.concat(parts);
}

export function unstampPdf(file: Buffer): string | undefined {
  if (file.toString('latin1', 0, 5) !== '%PDF-') return undefined;
  const from = file.lastIndexOf(open);
  const to = file.indexOf(close, from);
  return from < 0 || to < 0 ? undefined : unescapeXml(file.toString('utf8', from + open.length, to));
}

/** What stands between the brackets of the catalogue's dictionary. */
function catalogueOf(pdf: string, id: string, generation: string): string | undefined {
  const start = new RegExp(`(?:^|[\\r\\n])${id} ${generation} obj\\s*<<`, 'u').exec(pdf);
  if (!start) return undefined;
  const from = start.index + start[0].length;
  const end = pdf.indexOf('endobj', from);
  const to = pdf.lastIndexOf('>>', end);
  if (end < 0 || to < from) return undefined;
  // Metadata that are there give way, and a file of an older version says that it has become one with metadata.
  const kept = pdf
    .slice(from, to)
    .replace(/\/Metadata \d+ \d+ R\s*/u, '')
    .trimEnd();
  return /\/Version\b/u.test(kept) ? kept : `${kept}\n/Version /1.7`;
}

const packet = (text: string): string => `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:orograph="urn:orograph:provenance/1">
${open}${escapeXml(text)}${close}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>`;
