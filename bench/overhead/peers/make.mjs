import { versionOf } from '../tree.mjs';

export const make = {
  name: 'make',
  detect: () => versionOf('make'),
  emit(tree) {
    const { graph } = tree;
    const all = `all: ${graph.sinks.map((id) => tree.output(id)).join(' ')}\n.PHONY: all\n`;
    const rules = graph.stages.map(
      (s) => `${tree.output(s.id)}: ${tree.inputs(s).join(' ')}\n\tsh ${tree.program} $@ $^\n`,
    );
    tree.write('Makefile', all + rules.join(''));
    return {
      command: ['make', '-rRs', '-j2'],
      memory: [],
      file: 'Makefile',
      comment: (text, n) => `${text}# ${n}\n`,
    };
  },
};
