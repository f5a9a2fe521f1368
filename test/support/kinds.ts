import { Type } from 'typebox';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.ts';
import type { KindRegistry, ResolvedKind } from '../../src/kind/registry.ts';
import { defineStage, type StageKind } from '../../src/kind/stage-kind.ts';
import { digestOf } from '../../src/util/digest.ts';

/** Kinds in the shapes of the real ones, for tests of what stands before running. */
const train = defineStage({
  version: 1,
  summary: 'Trains a network.',
  with: Type.Object({
    network: Type.Union([Type.Literal('mlp'), Type.Literal('resnet20')]),
    dataset: Type.String({ default: 'cifar10-mini' }),
    epochs: Type.Integer({ minimum: 1, maximum: 1000 }),
    rate: Type.Number({ exclusiveMinimum: 0, default: 0.1 }),
    keep: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }))),
    seed: Type.Integer({ default: 0 }),
    optimizer: Type.Optional(
      Type.Union([
        Type.Object({ kind: Type.Literal('sgd'), momentum: Type.Number({ minimum: 0, maximum: 1 }) }),
        Type.Object({ kind: Type.Literal('adam'), beta: Type.Number() }),
      ]),
    ),
  }),
  inputs: { start: { type: 'checkpoint', optional: true } },
  outputs: ({ epochs, keep }) => ({
    checkpoints: {
      type: 'checkpoint',
      extension: '.safetensors',
      members: (keep ?? [0, epochs]).map(String),
    },
    history: { type: 'table', extension: '.json' },
  }),
  check: ({ epochs, keep = [] }) =>
    keep.flatMap((epoch, i) =>
      epoch > epochs
        ? [{ pointer: `/keep/${i}`, message: `epoch ${epoch} comes after the last, ${epochs}` }]
        : [],
    ),
  engine: true,
  resources: { memory: 1024 },
  run: async () => {},
});

const directions = defineStage({
  version: 1,
  summary: 'Makes a direction.',
  with: Type.Object({
    kind: Type.Enum(['gaussian', 'negative-gradient', 'difference']),
    seed: Type.Integer({ default: 0 }),
  }),
  inputs: { model: { type: 'checkpoint' }, to: { type: 'checkpoint', optional: true } },
  outputs: { direction: { type: 'direction', extension: '.safetensors' } },
  engine: true,
  run: async () => {},
});

const evaluate = defineStage({
  version: 1,
  summary: 'Evaluates the loss along directions.',
  with: Type.Object({
    points: Type.Integer({ minimum: 2, default: 61 }),
    range: Type.Tuple([Type.Number(), Type.Number()], { default: [-1, 1] }),
  }),
  inputs: {
    model: { type: 'checkpoint' },
    x: { type: 'direction' },
    y: { type: 'direction', optional: true },
  },
  outputs: { curves: { type: 'curves', extension: '.json' } },
  engine: true,
  run: async () => {},
});

const render = defineStage({
  version: 1,
  summary: 'Draws a figure.',
  with: Type.Object({ formats: Type.Array(Type.Enum(['svg', 'png', 'pdf']), { default: ['svg'] }) }),
  inputs: { panels: { type: 'curves', many: true }, '*': { type: 'file', optional: true } },
  outputs: { figure: { type: 'figure', extension: '', folder: true } },
  run: async () => {},
});

const inspect = defineStage({
  version: 1,
  summary: 'Reads all checkpoints of a run.',
  with: Type.Object({}),
  inputs: { run: { type: 'checkpoint', shape: 'folder' } },
  outputs: { table: { type: 'table', extension: '.json' } },
  run: async () => {},
});

const definitions: Readonly<Record<string, StageKind>> = {
  train: train as unknown as StageKind,
  directions: directions as unknown as StageKind,
  evaluate: evaluate as unknown as StageKind,
  render: render as unknown as StageKind,
  inspect: inspect as unknown as StageKind,
};

/** A registry of these kinds; kinds by path are told not to exist. */
export function kindsInMemory(kinds = definitions): KindRegistry {
  const resolved = new Map<string, ResolvedKind>();
  for (const [name, definition] of Object.entries(kinds)) {
    resolved.set(name, {
      name,
      definition,
      module: `/kinds/${name}.js`,
      code: { digest: digestOf(name), files: {}, packages: {} },
      factsCode: null,
      itemsCode: null,
      factTypes: { category: ['v-basin', 'w-basin', 'w-peak'], 'smallest-loss': 'number', falls: 'boolean' },
    });
  }
  return {
    builtin: [...resolved.keys()].sort(),
    async resolve(uses: string): Promise<ResolvedKind | Diagnostic> {
      return (
        resolved.get(uses) ?? {
          severity: 'error',
          code: 'file-not-found',
          message: `there is no file "${uses}"`,
        }
      );
    },
  };
}
