/// <reference lib="dom" />
/** Check boxes that hide and show the marks that have names. */
import type { Mark } from '../figure.ts';
import { plainText } from '../math-text.ts';
import { byId, type Live, live, names, showMark } from './page.ts';

/** A name to be ticked, and what happens then. */
interface Choice {
  readonly label: string;
  change(shown: boolean): void;
}

/** A frame with a name and check boxes, all ticked. */
function checkBoxes(name: string, choices: readonly Choice[]): readonly [HTMLElement, HTMLInputElement[]] {
  const set = document.createElement('fieldset');
  const legend = document.createElement('legend');
  legend.textContent = name;
  set.append(legend);
  const boxes = choices.map(({ label, change }) => {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => change(box.checked));
    const line = document.createElement('label');
    line.append(box, ` ${label}`);
    set.append(line);
    return box;
  });
  return [set, boxes];
}

/** Check boxes for the marks that have names: of what several panels name alike for all of them first. */
export function listMarks(): void {
  const form = byId('marks');
  const titles = names();
  const alike = new Map<string, { one: Live; mark: number; box: HTMLInputElement }[]>();
  const sets = live.flatMap((one, i) => {
    if (one.panel.kind === 'space') return [];
    const named = one.panel.marks.flatMap((mark, m) => {
      const label = labelOf(mark);
      return label === undefined
        ? []
        : [{ label, mark: m, change: (shown: boolean) => showMark(one, m, shown) }];
    });
    if (named.length < 2) return [];
    const [set, boxes] = checkBoxes(titles[i]!, named);
    named.forEach(({ label, mark }, k) => {
      alike.set(label, [...(alike.get(label) ?? []), { one, mark, box: boxes[k]! }]);
    });
    return [set];
  });
  form.hidden = sets.length === 0;
  const several = [...alike].filter(([, marks]) => marks.length > 1);
  if (several.length === 0) {
    form.append(...sets);
    return;
  }
  const [all] = checkBoxes(
    'all panels',
    several.map(([label, marks]) => ({
      label,
      change: (shown) => {
        for (const { one, mark, box } of marks) {
          box.checked = shown;
          showMark(one, mark, shown);
        }
      },
    })),
  );
  const each = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = 'Panel by panel';
  const list = document.createElement('div');
  list.append(...sets);
  each.append(summary, list);
  form.append(all, each);
}

const labelOf = (mark: Mark): string | undefined =>
  'style' in mark && mark.label ? plainText(mark.label) : undefined;
