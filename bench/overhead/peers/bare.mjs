/** No orchestrator: xargs runs the stages layer by layer. What is left is the cost of starting the programs. */
export const bare = {
  name: 'bare loop',
  operations: ['cold'],
  detect: () => 'xargs',
  emit(tree) {
    const { graph } = tree;
    for (let layer = 0; layer < graph.layers; layer++) {
      const lines = graph.stages
        .filter((stage) => stage.layer === layer)
        .map((stage) => [tree.output(stage.id), ...tree.inputs(stage)].join(' '));
      tree.write(`${layer}.list`, `${lines.join('\n')}\n`);
    }
    const line = (layer) => `xargs -P2 -L1 sh ${tree.program} <${layer}.list\n`;
    tree.write('run.sh', Array.from({ length: graph.layers }, (_, layer) => line(layer)).join(''));
    return { command: ['sh', 'run.sh'], memory: [] };
  },
};
