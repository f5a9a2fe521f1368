import Type from 'typebox';
import { LayerList } from './layers/builder.ts';
import type { Layer } from './layers/layer.ts';
import type { MobilenetSpec } from './network.ts';

export const sizeSchema = Type.Integer({
  minimum: 8,
  maximum: 1024,
  description:
    "Side of the images that the network sees: others are resized, bilinearly (default: the data set's own).",
});

export const mobilenetSchema = Type.Object(
  {
    name: Type.Literal('mobilenet-v2'),
    width: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 4, description: 'Multiplies all channels (default 1).' }),
    ),
    size: Type.Optional(sizeSchema),
  },
  { additionalProperties: false },
);

/** Expansion, channels at width 1, blocks, stride of the first: table 2 of the paper. */
const settings = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** To the next multiple of 8 that takes away no more than a tenth. */
function channels(count: number): number {
  const rounded = Math.max(8, Math.floor((count + 4) / 8) * 8);
  return rounded < 0.9 * count ? rounded + 8 : rounded;
}

/**
 * MobileNetV2: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear bottlenecks" (2018),
 * with torchvision's details: ReLU6, batch norm after every convolution, no dropout (an evaluation has none, and a
 * landscape must be a function).
 *
 * Parameters in PyTorch's order: `stem/conv/kernel`, `stem/norm/scale`, `stem/norm/offset`, of each block
 * `block1/expand/…`, `block1/depthwise/…`, `block1/project/…` (the first has no `expand`), `head/…`, `dense/kernel`,
 * `dense/bias`. Depthwise kernels are [3, 3, 1, channels].
 */
export function mobilenetLayers({ width, classes }: MobilenetSpec): Layer[] {
  const list = new LayerList();
  const unit = (
    name: string,
    from: string,
    filters: number,
    { size = 1, stride = 1, groups = 1, linear = false } = {},
  ): string => {
    const maps = list.convolution(`${name}/conv`, from, { size, filters, stride, groups });
    const normal = list.batchNorm(`${name}/norm`, maps);
    return linear ? normal : list.add(`${name}/relu`, normal, { kind: 'activation', name: 'relu6' });
  };
  let into = channels(32 * width);
  let x = unit('stem', list.input, into, { size: 3, stride: 2 });
  let block = 0;
  for (const [expansion, base, count, first] of settings) {
    const out = channels(base * width);
    for (let b = 0; b < count; b++) {
      const at = `block${++block}`;
      const stride = b === 0 ? first : 1;
      const hidden = into * expansion;
      const wide = expansion === 1 ? x : unit(`${at}/expand`, x, hidden);
      const deep = unit(`${at}/depthwise`, wide, hidden, { size: 3, stride, groups: hidden });
      const narrow = unit(`${at}/project`, deep, out, { linear: true });
      x = stride === 1 && into === out ? list.add(`${at}/add`, [x, narrow], { kind: 'add' }) : narrow;
      into = out;
    }
  }
  x = unit('head', x, channels(1280 * Math.max(1, width)));
  x = list.add('means', x, { kind: 'global-average' });
  list.add('dense', x, { kind: 'dense', units: classes, bias: true });
  return list.layers;
}

const roles: Readonly<Record<string, string>> = {
  kernel: 'weight',
  scale: 'weight',
  offset: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
};

/** What torchvision calls one of our tensors: `features.1.conv.0.0.weight`, `classifier.1.bias`. */
export function torchvisionMobilenetName(name: string): string {
  const [part, inner, kind, role] = name.split('/') as [string, string, string, string];
  if (part === 'dense') return `classifier.1.${inner === 'kernel' ? 'weight' : 'bias'}`;
  if (part === 'stem' || part === 'head')
    return `features.${part === 'stem' ? 0 : 18}.${inner === 'conv' ? 0 : 1}.${roles[kind]}`;
  const block = Number(part.slice('block'.length));
  const before = block === 1 ? 0 : 1;
  const index = { expand: 0, depthwise: before, project: before + 1 }[inner]!;
  const at =
    inner === 'project' ? String(index + (kind === 'conv' ? 0 : 1)) : `${index}.${kind === 'conv' ? 0 : 1}`;
  return `features.${block}.conv.${at}.${roles[role]}`;
}
