import type { PlanePanel } from '../../../src/figure/figure.ts';
import { ends } from './common.ts';

/** A part of a panel, enlarged. */
export function enlarged(
  panel: PlanePanel,
  { xrange, yrange }: { readonly xrange: readonly number[]; readonly yrange: readonly number[] },
): PlanePanel {
  const { title: _, remark: __, ...rest } = panel;
  return {
    ...rest,
    x: { ...panel.x, label: '', domain: ends(xrange) },
    y: { ...panel.y, label: '', domain: ends(yrange) },
  };
}
