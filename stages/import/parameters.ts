import Type, { type Static } from 'typebox';
import { datasetSchema, normalisationSchema } from '../../src/dataset/dataset.ts';
import { networkSchema } from '../../src/network/architectures.ts';
import { initialisations } from '../../src/network/network.ts';

export const parameters = Type.Object(
  {
    network: networkSchema,
    dataset: datasetSchema,
    normalisation: Type.Optional(normalisationSchema),
    prefix: Type.String({
      default: '',
      description: 'What stands in front of every name in the file: module. after nn.DataParallel.',
    }),
    names: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Whole names in the file by our parameters' names, where the usual ones of PyTorch code do not fit.",
      }),
    ),
    classifier: Type.Enum(['file', 'new'], {
      default: 'file',
      description:
        "new: the network's last layer is initialised from the seed, for other classes than the file's.",
    }),
    init: Type.Enum([...initialisations], { default: 'pytorch', description: 'Of a new classifier.' }),
    epoch: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Epochs they were trained, for captions, where it is known.' }),
    ),
    seed: Type.Integer({ default: 0, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  },
  { additionalProperties: false },
);

export type ImportParameters = Static<typeof parameters>;
