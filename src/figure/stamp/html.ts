const open = '<script type="application/json" id="orograph-provenance">';
const close = '</script>';

/** In the head, so that the page's own program finds it. */
export function stampHtml(file: Buffer, text: string): Buffer {
  const html = file.toString('utf8');
  const at = html.indexOf('</head>');
  if (at < 0) return file;
  // JSON may write any character by its number, and must not end the element it stands in.
  return Buffer.from(
    `${html.slice(0, at)}${open}${text.replaceAll('<', '\\u003c')}${close}\n${html.slice(at)}`,
  );
}

export function unstampHtml(file: Buffer): string | undefined {
  if (!/^\s*<(?:!doctype|html)/iu.test(file.toString('utf8', 0, 200))) return undefined;
  const html = file.toString('utf8');
  const from = html.indexOf(open);
  const to = html.indexOf(close, from);
  return from < 0 || to < 0 ? undefined : html.slice(from + open.length, to);
}
