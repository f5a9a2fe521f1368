/// <reference lib="dom" />
/** Where the figure is from: the record that publishing has put into the file. */
import { byId } from './page.ts';

/** The parts of a provenance record that the page shows. */
interface Provenance {
  readonly pipeline: string;
  readonly stage: string;
  readonly orograph: string;
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  readonly stages: readonly {
    readonly id: string;
    readonly kind: string;
    readonly key: string;
    readonly inputs: Readonly<Record<string, readonly { readonly label: string }[]>>;
  }[];
}

const record = document.getElementById('orograph-provenance');
export const provenance = record ? (JSON.parse(record.textContent!) as Provenance) : undefined;

/** The stage behind an input such as `panels[1]`. */
export function stageOf(source: string | undefined): string[] {
  const [, input, place] = /^([^[]+)(?:\[(\d+)\])?$/u.exec(source ?? '') ?? [];
  const figure = provenance?.stages.find(({ id }) => id === provenance.stage);
  const label = input && figure?.inputs[input]?.[Number(place ?? 0)]?.label;
  return label ? [`from ${label}`] : [];
}

export function listProvenance(): void {
  if (!provenance) return;
  const details = byId('origin');
  details.hidden = false;
  const about = document.createElement('p');
  about.textContent = `Pipeline ${provenance.pipeline}, stage ${provenance.stage}, orograph ${provenance.orograph}.`;
  const table = document.createElement('table');
  for (const { id, kind, key } of provenance.stages) {
    const row = table.insertRow();
    row.insertCell().textContent = id;
    row.insertCell().textContent = kind;
    const cell = row.insertCell();
    cell.textContent = key.slice(0, 16);
    cell.title = key;
    cell.className = 'key';
  }
  details.append(about, table);
  for (const { path, text } of provenance.sources) {
    const file = document.createElement('details');
    const name = document.createElement('summary');
    name.textContent = path;
    const pre = document.createElement('pre');
    pre.textContent = text;
    file.append(name, pre);
    details.append(file);
  }
}
