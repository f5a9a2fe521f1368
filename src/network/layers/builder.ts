import type { Layer, Operation } from './layer.ts';
import { inputName } from './layer.ts';

/** A convolution's settings: square windows, PyTorch's padding of as many pixels on every side. */
interface ConvolutionSettings {
  readonly size: number;
  readonly filters: number;
  readonly stride?: number;
  /** Default: (size - 1) / 2, which keeps the maps' size at stride 1. */
  readonly padding?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** Writes a list of layers one after the other. Each method takes and gives the name of a layer. */
export class LayerList {
  readonly layers: Layer[] = [];
  readonly input = inputName;

  add(name: string, from: string | readonly string[], does: Operation): string {
    this.layers.push({ name, from: typeof from === 'string' ? [from] : [...from], does });
    return name;
  }

  convolution(
    name: string,
    from: string,
    { size, filters, stride = 1, padding = (size - 1) / 2, groups = 1, bias = false }: ConvolutionSettings,
  ): string {
    return this.add(name, from, {
      kind: 'convolution',
      filters,
      ...square(size, stride, padding),
      dilations: [1, 1],
      groups,
      bias,
    });
  }

  /** With PyTorch's constant. */
  batchNorm(name: string, from: string): string {
    return this.add(name, from, { kind: 'batch-norm', epsilon: 1e-5, scale: true, offset: true });
  }

  maxPool(name: string, from: string, size: number, stride: number, padding: number): string {
    return this.add(name, from, { kind: 'max-pool', ...square(size, stride, padding) });
  }
}

function square(size: number, stride: number, padding: number) {
  const twice = (n: number): [number, number] => [n, n];
  return {
    size: twice(size),
    strides: twice(stride),
    pads: [twice(padding), twice(padding)] as [[number, number], [number, number]],
  };
}
