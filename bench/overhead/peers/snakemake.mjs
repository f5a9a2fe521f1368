import { fan } from '../shapes.mjs';
import { versionOf } from '../tree.mjs';

/** Wildcard rules, as its users write them, and reruns decided by time stamps only: its faster mode. */
export const snakemake = {
  name: 'snakemake',
  detect: () => versionOf('snakemake'),
  emit(tree) {
    const { graph, program } = tree;
    const last = graph.layers - 1;
    const shell = `shell: "sh ${program} {output} {input}"`;
    const sinks = `[f"out/l${last}_{i}.txt" for i in range(${graph.sinks.length})]`;
    const rules = [
      `rule all:\n  input: ${sinks}\n`,
      `rule leaf:\n  input: lambda w: "in/" + w.i.zfill(5) + ".txt"\n  output: "out/l0_{i,[0-9]+}.txt"\n  ${shell}\n`,
    ];
    if (graph.shape === 'wide') {
      for (let layer = 1, before = graph.n; layer <= last; layer++, before = Math.ceil(before / fan)) {
        const range = `range(int(w.j)*${fan}, min(${before}, (int(w.j)+1)*${fan}))`;
        rules.push(
          `rule fan${layer}:\n  input: lambda w: [f"out/l${layer - 1}_{x}.txt" for x in ${range}]\n` +
            `  output: "out/l${layer}_{j,[0-9]+}.txt"\n  ${shell}\n`,
        );
      }
    } else {
      const width = graph.sources;
      rules.push(
        `rule layer:\n  input: lambda w: [f"out/l{int(w.k)-1}_{(int(w.i)+d)%${width}}.txt" for d in range(3)]\n` +
          `  output: "out/l{k,[1-9]}_{i,[0-9]+}.txt"\n  ${shell}\n`,
      );
    }
    tree.write('Snakefile', rules.join('\n'));
    return {
      command: ['snakemake', '-j2', '--quiet', 'all', '--rerun-triggers', 'mtime'],
      memory: ['.snakemake'],
      file: 'Snakefile',
      comment: (text, n) => `${text}# ${n}\n`,
    };
  },
};
