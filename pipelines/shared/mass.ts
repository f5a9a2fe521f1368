import { readFile, writeFile } from 'node:fs/promises';
import { defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

interface Spectrum {
  readonly probes: readonly { readonly nodes: readonly number[]; readonly weights: readonly number[] }[];
}

interface Masses {
  /** Share of the spectrum below zero, by more than a thousandth of the largest Ritz value: less is rounding. */
  readonly negative: number;
  /** Share within a tenth of the largest Ritz value of zero. */
  readonly bulk: number;
  /** The largest Ritz value over the size of the smallest. */
  readonly lean: number;
}

/** Where the mass of Hessian spectra lies, by the weights of their Ritz values. */
export default defineStage({
  version: 1,
  summary: 'Takes from spectral densities how much of them is negative, and how much lies about zero.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { spectra: { type: 'table', many: true } },
  outputs: { masses: { type: 'table', extension: '.json', description: 'One entry a spectrum.' } },
  async run({ list, output }) {
    const masses: Masses[] = [];
    for (const { path } of list('spectra')) {
      const { probes } = JSON.parse(await readFile(path!, 'utf8')) as Spectrum;
      const nodes = probes.flatMap((probe) => probe.nodes);
      const [smallest, largest] = [Math.min(...nodes), Math.max(...nodes)];
      const share = (counts: (node: number) => boolean): number =>
        probes.reduce(
          (sum, probe) => sum + probe.weights.reduce((w, v, i) => (counts(probe.nodes[i]!) ? w + v : w), 0),
          0,
        ) / probes.length;
      masses.push({
        negative: share((node) => node < -1e-3 * largest),
        bulk: share((node) => Math.abs(node) <= 0.1 * largest),
        lean: largest / Math.max(Math.abs(smallest), Number.MIN_VALUE),
      });
    }
    await writeFile(output('masses'), `${JSON.stringify(masses)}\n`);
  },
});

/** `falls`: each spectrum has less negative mass than the one before; of the others the least. */
export const factTypes: FactTypes = {
  falls: 'boolean',
  'negative-first': 'number',
  'negative-last': 'number',
  bulk: 'number',
  lean: 'number',
};
export const facts: FactsOf = async ({ masses }) => {
  const list = JSON.parse(await readFile(masses!.path!, 'utf8')) as Masses[];
  return {
    falls: list.every(({ negative }, i) => i === 0 || negative < list[i - 1]!.negative),
    'negative-first': list[0]!.negative,
    'negative-last': list.at(-1)!.negative,
    bulk: Math.min(...list.map(({ bulk }) => bulk)),
    lean: Math.min(...list.map(({ lean }) => lean)),
  };
};
