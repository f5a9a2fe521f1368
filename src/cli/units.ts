/** `0.4 s`, `1 min 05 s`, `2 h 07 min` from milliseconds. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `0:07`, `12:40`, `1:02:09` from milliseconds: a clock that does not jump about while it counts. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const rest = String(seconds % 60).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}

/** `812 B`, `3.4 MB`: powers of 1000, as disks are sold. */
export function size(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (value < 999.5) return unit === 'B' ? `${value} B` : `${value.toFixed(value < 9.995 ? 1 : 0)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** Bytes of `500MB`, `10 GB`, `1.5GiB`, `4096`; undefined where it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$/i.exec(text);
  if (!match) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf(match[2]!.toLowerCase());
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
}

/** A number in at most `digits` significant digits, without needless zeros: `0.0123`, `1.5e-7`, `12000`. */
export function number(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(digits)));
}

export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** `3 minutes ago` from milliseconds. */
export function ago(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return 'just now';
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const;
  const [length, unit] = units.find(([length]) => seconds >= length)!;
  return `${count(Math.floor(seconds / length), unit)} ago`;
}
