import { inputName, type Layer, shapesOf } from '../../src/network/layers/layer.ts';
import type { Part, Symmetry } from './symmetry.ts';

/** A part whose group may still be found to be another's. */
type Axis = readonly Part[];

/**
 * The symmetry of a network of layers. Every convolution and dense layer opens a group of its outputs; what is added or
 * multiplied elementwise makes two groups one; what mixes channels in ways that are not looked into (groups of channels,
 * reshaping) fixes them, as do the inputs and the logits. So no group is too large: each order of its units leaves the
 * function as it is. Some may be missing.
 */
export function symmetryOfLayers(layers: readonly Layer[], input: readonly number[]): Symmetry {
  const shapes = shapesOf(layers, input);
  const found: { name: string; size: number; fixed: boolean; same: number }[] = [];
  const opened = (name: string, size: number): Axis => {
    const group = found.push({ name, size, fixed: false, same: found.length }) - 1;
    return [{ group, at: Uint32Array.from({ length: size }, (_, i) => i) }];
  };
  const rootOf = (group: number): number =>
    found[group]!.same === group ? group : rootOf(found[group]!.same);
  const fix = (axis: Axis): Axis => {
    for (const { group } of axis) found[rootOf(group)]!.fixed = true;
    return axis;
  };
  /** Elementwise: unit i of one is unit i of the other. */
  const tied = (axes: readonly Axis[]): Axis => {
    const [first, ...others] = axes as [Axis, ...Axis[]];
    const whole = (axis: Axis): boolean =>
      axis.length === 1 && axis[0]!.at.every((position, i) => position === i);
    if (!axes.every(whole)) {
      // The same parts in the same places need no tie; anything else is not looked into.
      const alike = (axis: Axis): boolean =>
        axis.length === first.length &&
        axis.every(
          ({ group, at }, p) =>
            rootOf(group) === rootOf(first[p]!.group) &&
            at.every((position, i) => position === first[p]!.at[i]),
        );
      if (!others.every(alike)) for (const axis of axes) fix(axis);
      return first;
    }
    for (const [{ group }] of others as [Part][]) {
      const [a, b] = [rootOf(first[0]!.group), rootOf(group)].sort((x, y) => x - y) as [number, number];
      found[a]!.fixed ||= found[b]!.fixed;
      found[b]!.same = a;
    }
    return first;
  };

  const outputs = new Map<string, Axis>([[inputName, fix(opened(inputName, input.at(-1)!))]]);
  const axes = new Map<string, readonly Axis[]>();
  for (const { name, from, does } of layers) {
    const into = from.map((one) => outputs.get(one)!);
    const [first] = into as [Axis];
    const before = shapes.get(from[0]!)!;
    const size = shapes.get(name)!.at(-1)!;
    let out = first;
    switch (does.kind) {
      case 'convolution': {
        const channels = before.at(-1)!;
        if (does.groups === channels && does.filters === channels && channels > 1)
          axes.set(`${name}/kernel`, [[], [], [], first]);
        else {
          out = opened(name, size);
          if (does.groups > 1) {
            fix(first);
            fix(out);
          }
          axes.set(`${name}/kernel`, [[], [], does.groups > 1 ? [] : first, out]);
        }
        axes.set(`${name}/bias`, [out]);
        break;
      }
      case 'dense':
        out = opened(name, size);
        axes.set(`${name}/kernel`, [first, out]);
        axes.set(`${name}/bias`, [out]);
        break;
      case 'batch-norm':
      case 'layer-norm':
        for (const role of ['scale', 'offset', 'mean', 'variance']) axes.set(`${name}/${role}`, [first]);
        break;
      case 'add':
      case 'multiply':
      case 'average':
      case 'maximum':
        out = tied(into);
        break;
      case 'concatenate':
        out = concatenated(
          into,
          from.map((one) => shapes.get(one)!.at(-1)!),
        );
        break;
      case 'flatten':
        out = repeated(first, before);
        break;
      case 'reshape':
        fix(first);
        out = fix(opened(name, size));
        break;
    }
    outputs.set(name, out);
  }
  fix(outputs.get(layers.at(-1)!.name)!);

  const kept = found.flatMap(({ fixed, same, size }, g) => (same === g && !fixed && size > 1 ? [g] : []));
  const number = new Map(kept.map((group, i) => [group, i]));
  const free = (axis: Axis): Part[] =>
    axis.flatMap(({ group, at }) => {
      const index = number.get(rootOf(group));
      return index === undefined ? [] : [{ group: index, at }];
    });
  return {
    groups: kept.map((group) => ({ name: found[group]!.name, size: found[group]!.size })),
    axes: new Map([...axes].map(([name, list]) => [name, list.map(free)])),
  };
}

function concatenated(axes: readonly Axis[], sizes: readonly number[]): Axis {
  let offset = 0;
  return axes.flatMap((axis, a) => {
    const start = offset;
    offset += sizes[a]!;
    return axis.map(({ group, at }) => ({ group, at: at.map((position) => position + start) }));
  });
}

/** Maps as one list of features, pixel after pixel: every group once a pixel. */
function repeated(axis: Axis, shape: readonly number[]): Axis {
  const channels = shape.at(-1)!;
  const pixels = shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  return Array.from({ length: pixels }, (_, p) =>
    axis.map(({ group, at }) => ({ group, at: at.map((position) => p * channels + position) })),
  ).flat();
}
