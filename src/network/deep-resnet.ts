import Type from 'typebox';
import { LayerList } from './layers/builder.ts';
import type { Layer } from './layers/layer.ts';
import { sizeSchema } from './mobilenet.ts';
import { type DeepResnetSpec, deepResnets } from './network.ts';

export const deepResnetSchema = Type.Object(
  { name: Type.Enum([...deepResnets]), size: Type.Optional(sizeSchema) },
  { additionalProperties: false },
);

/** What tells these networks apart. */
interface ResidualForm {
  /** Of each stage. */
  readonly blocks: readonly number[];
  /** Or pairs of 3x3 convolutions. */
  readonly bottleneck: boolean;
  /** Of the 3x3 convolution in a bottleneck, and how many channels a group of it has where `planes` is 64. */
  readonly groups?: number;
  readonly base?: number;
  /** Channels of the first convolution; each stage after the first has twice those of the one before (default 64). */
  readonly planes?: number;
}

const forms: Readonly<Record<DeepResnetSpec['name'], ResidualForm & { readonly title: string }>> = {
  resnet18: { title: 'ResNet-18', blocks: [2, 2, 2, 2], bottleneck: false },
  resnet34: { title: 'ResNet-34', blocks: [3, 4, 6, 3], bottleneck: false },
  resnet50: { title: 'ResNet-50', blocks: [3, 4, 6, 3], bottleneck: true },
  resnet101: { title: 'ResNet-101', blocks: [3, 4, 23, 3], bottleneck: true },
  resnet152: { title: 'ResNet-152', blocks: [3, 8, 36, 3], bottleneck: true },
  'resnext50-32x4d': {
    title: 'ResNeXt-50 32x4d',
    blocks: [3, 4, 6, 3],
    bottleneck: true,
    groups: 32,
    base: 4,
  },
  'resnext101-32x8d': {
    title: 'ResNeXt-101 32x8d',
    blocks: [3, 4, 23, 3],
    bottleneck: true,
    groups: 32,
    base: 8,
  },
  'wide-resnet50-2': { title: 'Wide ResNet-50-2', blocks: [3, 4, 6, 3], bottleneck: true, base: 128 },
  'wide-resnet101-2': { title: 'Wide ResNet-101-2', blocks: [3, 4, 23, 3], bottleneck: true, base: 128 },
};

export function deepResnetTitle({ name }: DeepResnetSpec): string {
  return forms[name].title;
}

/**
 * The residual networks for ImageNet of He et al. (2015), table 1, their aggregated transformations (Xie et al. 2017)
 * and wide ones (Zagoruyko and Komodakis 2016), as torchvision has them: a 7x7 convolution of stride 2, largest of 3x3
 * pixels, four stages of blocks, the mean of each channel, a dense layer. In bottlenecks the 3x3 convolution has the
 * stride.
 *
 * Parameters in PyTorch's order and under the names of the ResNets for CIFAR: `conv1/kernel`, `norm1/scale`,
 * `norm1/offset`, `stage1/block1/conv1/kernel`, …, a block's shortcut last, `dense/kernel`, `dense/bias`. Kernels of
 * grouped convolutions are [3, 3, in / groups, out].
 */
export function deepResnetLayers({ name, classes }: DeepResnetSpec): Layer[] {
  return residualLayers(forms[name], classes);
}

/** The same of any depth and width. */
export function residualLayers(
  { blocks, bottleneck, groups = 1, base = 64, planes: narrowest = 64 }: ResidualForm,
  classes: number,
): Layer[] {
  const list = new LayerList();
  const relu = (from: string): string => list.add(`${from}/relu`, from, { kind: 'activation', name: 'relu' });
  let x = list.convolution('conv1', list.input, { size: 7, filters: narrowest, stride: 2 });
  x = relu(list.batchNorm('norm1', x));
  x = list.maxPool('pool', x, 3, 2, 1);
  let into = narrowest;
  blocks.forEach((count, s) => {
    const planes = narrowest * 2 ** s;
    const width = bottleneck ? Math.floor((planes * base) / 64) * groups : planes;
    const out = bottleneck ? 4 * planes : planes;
    for (let b = 0; b < count; b++) {
      const at = `stage${s + 1}/block${b + 1}`;
      const stride = b === 0 && s > 0 ? 2 : 1;
      const unit = (
        n: number,
        from: string,
        size: number,
        filters: number,
        step: number,
        split = 1,
      ): string =>
        list.batchNorm(
          `${at}/norm${n}`,
          list.convolution(`${at}/conv${n}`, from, { size, filters, stride: step, groups: split }),
        );
      const inner = bottleneck
        ? unit(3, relu(unit(2, relu(unit(1, x, 1, width, 1)), 3, width, stride, groups)), 1, out, 1)
        : unit(2, relu(unit(1, x, 3, out, stride)), 3, out, 1);
      const kept =
        stride === 1 && into === out
          ? x
          : list.batchNorm(
              `${at}/shortcut/norm`,
              list.convolution(`${at}/shortcut/conv`, x, { size: 1, filters: out, stride }),
            );
      x = relu(list.add(`${at}/add`, [inner, kept], { kind: 'add' }));
      into = out;
    }
  });
  x = list.add('means', x, { kind: 'global-average' });
  list.add('dense', x, { kind: 'dense', units: classes, bias: true });
  return list.layers;
}
