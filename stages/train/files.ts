import {
  type DatasetChoice,
  type NormalisationChoice,
  normalisationFor,
  surveyDataset,
} from '../../src/dataset/dataset.ts';
import { filesFrom } from '../../src/kind/files.ts';
import type { FileDependency } from '../../src/kind/stage-kind.ts';
import type { NetworkChoice } from '../../src/network/architectures.ts';
import { notImages } from '../../src/network/augmentation.ts';
import { networkFiles, refuseMisfit } from '../../src/network/own-network.ts';

interface Choices {
  readonly network: NetworkChoice;
  readonly dataset: DatasetChoice;
  readonly normalisation?: NormalisationChoice;
  readonly augment?: object;
}

/**
 * The files of a data set and of a network that should fit it.
 * @throws UserError of what is missing, and of what names and headers alone tell: that network and data, the data's
 * normalisation or changes of its images do not go together.
 */
export function fittingFiles(choices: Choices, root: string): FileDependency[] {
  return filesFrom(
    () => fittingData(choices, root),
    () => networkFiles(choices.network, root),
  );
}

function fittingData({ network, dataset, normalisation, augment }: Choices, root: string): FileDependency[] {
  const { files, form } = surveyDataset(dataset, root);
  const { features, channels, shape } = form;
  const check = (known: boolean, refuse: () => unknown) => (): FileDependency[] => {
    if (known) refuse();
    return [];
  };
  const name = typeof dataset === 'string' ? dataset : dataset.name;
  return filesFrom(
    () => files,
    check(normalisation !== undefined && channels !== undefined, () =>
      normalisationFor(normalisation!, channels!, name),
    ),
    check(features !== undefined, () => refuseMisfit(network, features!)),
    check(augment !== undefined && shape === null, () => {
      throw notImages(features!);
    }),
  );
}
