import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';

const reserved = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** Names that some file system cannot hold, though the schema's pattern allows them. The schema refuses all others. */
export function checkName(name: string, at: Span, what: string, problems: Problems): void {
  if (!reserved.test(name)) return;
  problems.error(
    'bad-name',
    at,
    `${what} cannot be called "${name}": Windows reserves this name for a device`,
  );
}

/** The longest part of a path that every usual file system takes, less room for a published copy's suffix. */
const longest = 120;

/**
 * A text as one part of a path, on any file system: letters, digits and `._+-` stay, all else is written as the
 * hexadecimal digits of its UTF-8 bytes after `%`. Different texts give different parts.
 */
export function pathPart(text: string): string {
  if (/^[A-Za-z0-9_+-]+$/.test(text)) return text;
  const encoded = [...new TextEncoder().encode(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._+-]/.test(character) ? character : hex(byte);
    })
    .join('');
  // Windows drops a dot at the end, and "." and ".." lead elsewhere.
  return encoded.replace(/\.+$/, (dots) => hex(0x2e).repeat(dots.length));
}

function hex(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

/** The folder of an instance under its stage's: `seed=1,model=mlp`. `index` tells apart those too long to write out. */
export function instanceFolder(axes: readonly (readonly [string, string])[], index: number): string {
  const part = axes.map(([axis, label]) => `${axis}=${pathPart(label)}`).join(',');
  return part.length <= longest ? part : `${part.slice(0, longest - 12)}~${index}`;
}
