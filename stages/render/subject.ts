import type { Json } from '../../src/util/json.ts';

type Subject = Readonly<Record<string, Json>>;

/** How the known facts about what was evaluated are put into words; the others as "name value". */
const phrases: Record<string, (value: string) => string> = {
  network: (value) => `network ${value}`,
  dataset: (value) => `on ${value}`,
  split: (value) => `${value} split`,
  examples: (value) => `${value} images`,
  epoch: (value) => `epoch ${value}`,
  engine: (value) => `engine ${value}`,
};
const order = Object.keys(phrases);

/**
 * What was evaluated, for the small type below a figure: first what all panels share, then what differs, panel by
 * panel. Nothing is left out, so that a subset is never silent.
 */
export function subjectNotes(subjects: readonly Subject[]): string[] {
  const names = [...new Set(subjects.flatMap((s) => Object.keys(s)))].sort(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
  const common = names.filter((name) => subjects.every((s) => text(s[name]) === text(subjects[0]![name])));
  const notes = common.length > 0 ? [`Evaluated: ${sentence(subjects[0]!, common)}.`] : [];
  const rest = names.filter((name) => !common.includes(name));
  if (rest.length === 0) return notes;
  const groups = new Map<string, number[]>();
  subjects.forEach((subject, i) => {
    const own = sentence(subject, rest);
    if (own !== '') groups.set(own, [...(groups.get(own) ?? []), i + 1]);
  });
  const parts = [...groups].map(
    ([own, panels]) => `${panels.length > 1 ? 'panels' : 'panel'} ${panels.join(', ')}: ${own}`,
  );
  return [...notes, ...(parts.length > 0 ? [`${capital(parts.join('; '))}.`] : [])];
}

const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

function sentence(subject: Subject, names: readonly string[]): string {
  return names
    .filter((name) => subject[name] !== undefined && subject[name] !== null)
    .map((name) => {
      const value = text(subject[name]);
      return phrases[name]?.(value) ?? `${name.replaceAll('-', ' ')} ${value}`;
    })
    .join(', ')
    .replace(/^(network [^,]*), on /u, '$1 on ');
}

function text(value: Json | undefined): string {
  if (typeof value === 'number') return Number.isInteger(value) ? grouped(value) : String(value);
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}

/** 50,000 with a comma from five digits on, 2,048 with one as well: counts of images are read, not typed. */
const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/gu, ',');

const capital = (sentenceText: string): string =>
  sentenceText.charAt(0).toUpperCase() + sentenceText.slice(1);
