/** From samples to medians, and from medians to a table that can be pasted into a document. */
import { disturbed, median } from './measure.mjs';

export function summarise({ peer, graph, operation, samples, redone, wrongOutputs }) {
  const wall = samples.map((sample) => sample.wall);
  return {
    peer: peer.name,
    version: peer.version,
    ours: peer.ours ?? false,
    shape: graph.shape,
    n: graph.n,
    stages: graph.stages.length,
    operation,
    wall: median(wall),
    wallMin: Math.min(...wall),
    wallMax: Math.max(...wall),
    cpu: median(samples.map((sample) => sample.cpu)),
    megabytes: samples.at(-1).megabytes,
    executed: samples.map((sample) => sample.executed),
    needed: samples.at(-1).needed,
    wrongOutputs,
    failed: samples.some((sample) => sample.status !== 0),
    disturbed: samples.filter(disturbed).length,
    redone,
    samples: samples.map(({ wall, cpu, foreign }) => ({ wall, cpu, foreign })),
  };
}

const seconds = (value) =>
  value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(1);

/** `0.31 (0.28 cpu) [3]`, with `[ran, needed n]` where the tool ran more or fewer stages than it should. */
function cell({ operation, wall, cpu, megabytes, executed, needed, failed, wrongOutputs }) {
  if (failed) return 'failed';
  if (operation === 'memory') return megabytes === null ? '-' : `${megabytes.toFixed(0)} MB`;
  const ran = [...new Set(executed)].join('/');
  const right = executed.every((count) => count === needed);
  const wrong = wrongOutputs > 0 ? ` ${wrongOutputs} WRONG OUTPUTS` : '';
  const count = operation === 'cold' && right ? '' : right ? ` [${ran}]` : ` [${ran}, not ${needed}]`;
  return `${seconds(wall)} (${seconds(cpu)})${count}${wrong}`;
}

/** Markdown: a row a tool, a column an operation; wall (processor) seconds [stages run]. */
export function printTable(title, summaries, operations) {
  const names = [...new Set(summaries.map((summary) => summary.peer))];
  const find = (name, operation) => summaries.find((s) => s.peer === name && s.operation === operation);
  const rows = names.map((name) => [
    name,
    ...operations.map((operation) => {
      const summary = find(name, operation);
      return summary ? cell(summary) : '-';
    }),
  ]);
  console.log(`\n### ${title}\n`);
  console.log(`| wall (cpu) s [ran] | ${operations.join(' | ')} |`);
  console.log(`|---|${operations.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  for (const line of ratios(summaries, operations)) console.log(line);
  console.log();
}

/** Ours against the best other tool that ran exactly what was needed, and against the best of all. */
function ratios(summaries, operations) {
  const lines = [];
  for (const operation of operations) {
    if (operation === 'memory') continue;
    const here = summaries.filter((summary) => summary.operation === operation && !summary.failed);
    const others = here.filter((summary) => !summary.ours && summary.peer !== 'bare loop');
    const best = (list) => list.toSorted((a, b) => a.wall - b.wall)[0];
    const right = best(
      others.filter((summary) => summary.executed.every((count) => count === summary.needed)),
    );
    const any = best(others);
    for (const own of here.filter((summary) => summary.ours)) {
      if (!any) continue;
      const against = [...new Set([any, ...(right ? [right] : [])])];
      const texts = against.map(({ peer, wall }) => `${(own.wall / wall).toFixed(2)} x ${peer}`);
      lines.push(
        `- ${own.peer}, ${operation}: ${texts.join('; ')}${right ? '' : ' (no peer ran only what was needed)'}`,
      );
    }
  }
  return lines.length > 0 ? ['', ...lines] : lines;
}
