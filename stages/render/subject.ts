import type { Json } from '../../src/util/json.ts';

type Subject = Readonly<Record<string, Json>>;

/** How the known facts about what was evaluated are put into words; the others as "name value". */
const phrases: Record<string, (value: Json) => string> = {
  network: (value) => `network ${wordOf(value)}`,
  dataset: (value) => `on ${wordOf(value)}`,
  split: (value) => `${wordOf(value)} split`,
  examples: (value) => `${wordOf(value)} images`,
  epoch: (value) => `epoch ${wordOf(value)}`,
  statistics: (value) => `batch-norm statistics ${wordOf(value)}`,
  engine: (value) => `engine ${wordOf(value)}`,
};
const order = Object.keys(phrases);
/** What a computation cost is no part of what was evaluated. */
const unsaid = new Set(['multiply-adds', 'multiply-adds-plainly']);

/**
 * What was evaluated, for the small type below a figure: first what all panels share, then what differs, fact by fact
 * or several facts together, whichever is shorter. Nothing is left out, so that a subset is never silent.
 */
export function subjectNotes(given: readonly Subject[]): string[] {
  const subjects = given.map(withRecalibration);
  const all = new Set(subjects.flatMap((s) => Object.keys(s).filter((name) => !unsaid.has(name))));
  const names = [...all].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const common = names.filter((name) =>
    subjects.every((s) => wordOf(s[name]) === wordOf(subjects[0]![name])),
  );
  const notes = common.length > 0 ? [`Evaluated: ${sentence(subjects[0]!, common)}.`] : [];
  const rest = names.filter((name) => !common.includes(name));
  const differing = shortest(rest, (together) => byPanel(subjects, together));
  return [...notes, ...(differing === '' ? [] : [differing])];
}

/** How statistics of batch norm were recalibrated belongs to their being so. */
function withRecalibration({ statistics, recalibration, ...rest }: Subject): Subject {
  if (statistics === undefined || statistics === null) return rest;
  if (statistics !== 'recalibrated') return { ...rest, statistics };
  const how =
    typeof recalibration === 'object' && recalibration !== null && !Array.isArray(recalibration)
      ? [
          ...(recalibration.average === undefined ? [] : [wordOf(recalibration.average)]),
          recalibration.examples === rest.examples
            ? 'on as many images'
            : `on ${wordOf(recalibration.examples)} images`,
          ...(recalibration.batch === undefined ? [] : [`batches of ${wordOf(recalibration.batch)}`]),
        ].join(', ')
      : wordOf(recalibration);
  return { ...rest, statistics: `recalibrated at each point${how === '' ? '' : ` (${how})`}` };
}

/** Sentences about all names, two of them made one as long as that makes the text shorter. */
function shortest(names: readonly string[], say: (together: readonly string[]) => string): string {
  let groups = names.map((name) => ({ names: [name], text: say([name]) }));
  for (;;) {
    const pairs = groups.flatMap((a, i) =>
      groups.slice(i + 1).map((b) => {
        const together = names.filter((name) => a.names.includes(name) || b.names.includes(name));
        const text = say(together);
        return {
          a,
          b,
          merged: { names: together, text },
          saved: a.text.length + b.text.length - text.length,
        };
      }),
    );
    const best = pairs.reduce<(typeof pairs)[number] | undefined>(
      (most, pair) => (pair.saved > (most?.saved ?? 0) ? pair : most),
      undefined,
    );
    if (!best) break;
    groups = groups.flatMap((group) => (group === best.a ? [best.merged] : group === best.b ? [] : [group]));
  }
  return groups
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(' ');
}

/** `Panels 1, 3: epoch 10; panel 2: epoch 50.` of some facts. */
function byPanel(subjects: readonly Subject[], names: readonly string[]): string {
  const groups = new Map<string, number[]>();
  subjects.forEach((subject, i) => {
    const own = sentence(subject, names);
    if (own !== '') groups.set(own, [...(groups.get(own) ?? []), i + 1]);
  });
  const parts = [...groups].map(
    ([own, panels]) => `${panels.length > 1 ? 'panels' : 'panel'} ${numbered(panels)}: ${own}`,
  );
  return parts.length === 0 ? '' : `${capital(parts.join('; '))}.`;
}

/** `1, 3, 5 to 8`: three numbers in a row and more as a span. */
function numbered(panels: readonly number[]): string {
  const spans: { from: number; to: number }[] = [];
  for (const panel of panels) {
    const last = spans.at(-1);
    if (last && last.to + 1 === panel) last.to = panel;
    else spans.push({ from: panel, to: panel });
  }
  return spans
    .flatMap(({ from, to }): (string | number)[] =>
      to - from > 1 ? [`${from} to ${to}`] : to > from ? [from, to] : [from],
    )
    .join(', ');
}

const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

function sentence(subject: Subject, names: readonly string[]): string {
  return names
    .filter((name) => subject[name] !== undefined && subject[name] !== null)
    .map((name) => {
      const value = subject[name]!;
      return phrases[name]?.(value) ?? `${name.replaceAll('-', ' ')} ${wordOf(value)}`;
    })
    .join(', ')
    .replace(/^(network [^,]*), on /u, '$1 on ');
}

/** A fact as the notes write it. */
export function wordOf(value: Json | undefined): string {
  if (typeof value === 'number') return Number.isInteger(value) ? grouped(value) : String(value);
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return value === undefined ? '' : JSON.stringify(value);
  return Object.entries(value)
    .map(([name, part]) => (typeof part === 'number' ? `${name} ${wordOf(part)}` : wordOf(part)))
    .join(', ');
}

/** 50,000 with a comma from five digits on, 2,048 with one as well: counts of images are read, not typed. */
const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/gu, ',');

const capital = (sentenceText: string): string =>
  sentenceText.charAt(0).toUpperCase() + sentenceText.slice(1);
