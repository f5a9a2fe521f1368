import { versionOf } from '../tree.mjs';

const ninjaPeer = (name, restat) => ({
  name,
  /** With `restat`, stages leave an output alone that would not change: ninja's way to early cutoff. */
  writesIfChanged: restat,
  detect: () => versionOf('ninja'),
  emit(tree) {
    const rule = `rule st\n  command = sh ${tree.program} $out $in\n${restat ? '  restat = 1\n' : ''}`;
    const edges = tree.graph.stages.map(
      (s) => `build ${tree.output(s.id)}: st ${tree.inputs(s).join(' ')}\n`,
    );
    tree.write('build.ninja', rule + edges.join(''));
    return {
      command: ['ninja', '-j2', '--quiet'],
      memory: ['.ninja_log', '.ninja_deps'],
      file: 'build.ninja',
      comment: (text, n) => `${text}# ${n}\n`,
    };
  },
});

export const ninja = ninjaPeer('ninja', false);
export const ninjaRestat = ninjaPeer('ninja restat', true);
