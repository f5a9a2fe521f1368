import { UserError } from '../diagnostics/diagnostic.ts';
import { closest } from '../diagnostics/suggest.ts';
import { classifierOf } from './fine-tuning.ts';
import { torchvisionMobilenetName } from './mobilenet.ts';
import type { Initialisation, Network, ParameterForm } from './network.ts';
import { type NamedTensor, type ParameterVector, sizeOf } from './tensors.ts';

/** Tensors of PyTorch's that no evaluation needs. */
export function isCounter(name: string): boolean {
  return name.endsWith('num_batches_tracked');
}

const roles: Readonly<Record<string, string>> = {
  kernel: 'weight',
  bias: 'bias',
  scale: 'weight',
  offset: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
};

/**
 * The names that PyTorch code commonly gives to one of our parameters, likeliest first: `conv1`, `bn1`,
 * `layer2.0.conv1`, `layer2.0.shortcut.0` or `.downsample.0`, `linear` or `fc`; of an MLP `fc1`, `fc2`.
 */
export function commonNames(name: string): string[] {
  const parts = name.split('/');
  const role = roles[parts.pop()!]!;
  const block = /^stage(\d+)$/.exec(parts[0] ?? '');
  const place = block ? [`layer${block[1]}`, String(Number(parts[1]!.slice('block'.length)) - 1)] : [];
  const [layer, inner] = block ? parts.slice(2) : parts;
  const layers =
    layer === 'shortcut'
      ? ['shortcut', 'downsample'].map((word) => `${word}.${inner === 'conv' ? 0 : 1}`)
      : layer === 'dense'
        ? ['linear', 'fc']
        : [layer!.replace(/^norm/, 'bn').replace(/^dense/, 'fc')];
  return layers.map((word) => [...place, word, role].join('.'));
}

/** Names and layouts of the code that made a file. */
export interface Convention {
  /** Names in the file that one of our tensors may have, likeliest first. */
  candidates(name: string): readonly string[];
  /** The shape there of one of ours. */
  shape(form: ParameterForm): readonly number[];
  /** Values of a tensor of that shape in our order. */
  values(tensor: NamedTensor): Float32Array;
}

/** PyTorch's: Linear [out, in], Conv2d OIHW; names of torchvision for its own architectures, else the usual ones. */
export function pytorch({ spec }: Network, prefix: string): Convention {
  return {
    candidates: (name) =>
      (spec.name === 'mobilenet-v2' ? [torchvisionMobilenetName(name)] : commonNames(name)).map(
        (found) => prefix + found,
      ),
    shape: ({ shape }) => foreignShape(shape),
    values: rearranged,
  };
}

/** What becomes of tensors that a file does not have. */
export interface NewClassifier {
  readonly init: Initialisation;
  readonly seed: number;
}

/**
 * Finds a network's parameters and running statistics among a file's tensors and rearranges them. Counters
 * (`num_batches_tracked`) are left out, anything else must have its place.
 * @param names in the file by our names, where the convention's do not fit.
 * @param fresh given where the last layer is to be initialised instead of read; what the file has for it is left out.
 * @param label what to call the file in messages.
 * @throws UserError with every tensor that is missing, of another shape or left over.
 */
export function importTensors(
  tensors: ParameterVector,
  network: Network,
  convention: Convention,
  names: Readonly<Record<string, string>>,
  label: string,
  fresh?: NewClassifier,
): { readonly parameters: ParameterVector; readonly state: ParameterVector } {
  const forms = [...network.parameters, ...network.state];
  const own = fresh ? classifierOf(network) : new Set<string>();
  const initial = new Map(
    fresh ? network.initialise(fresh.init, fresh.seed).map((tensor) => [tensor.name, tensor]) : [],
  );
  const problems = unknownNames(names, forms);
  const left = new Map(tensors.filter(({ name }) => !isCounter(name)).map((tensor) => [tensor.name, tensor]));
  const missing: { readonly form: ParameterForm; readonly candidates: readonly string[] }[] = [];
  const found = forms.flatMap((form): NamedTensor[] => {
    const named = names[form.name];
    const candidates = named === undefined ? convention.candidates(form.name) : [named];
    const foreign = candidates.find((name) => left.has(name));
    if (own.has(form.name)) {
      if (foreign !== undefined) left.delete(foreign);
      return [initial.get(form.name)!];
    }
    if (foreign === undefined) {
      missing.push({ form, candidates });
      return [];
    }
    const tensor = left.get(foreign)!;
    left.delete(foreign);
    const expected = convention.shape(form);
    if (tensor.shape.join() !== expected.join()) {
      problems.push(
        `"${foreign}" has the shape [${tensor.shape}]; [${expected}] is needed for "${form.name}"`,
      );
      return [];
    }
    return [{ name: form.name, shape: form.shape, values: convention.values(tensor) }];
  });
  for (const { form, candidates } of missing.slice(0, shown)) {
    const near = closest(candidates[0] ?? form.name, left.keys());
    problems.push(
      `"${form.name}" should be ${candidates.map((name) => `"${name}"`).join(' or ')}, which is not there${near ? ` (there is "${near}")` : ''}`,
    );
  }
  for (const { form } of missing.slice(shown)) problems.push(`"${form.name}" is not there`);
  for (const name of left.keys()) problems.push(`"${name}" has no place in the network`);
  if (problems.length > 0) throw doesNotFit(problems, label);
  const count = network.parameters.length;
  return { parameters: found.slice(0, count), state: found.slice(count) };
}

function unknownNames(names: Readonly<Record<string, string>>, forms: readonly ParameterForm[]): string[] {
  const known = forms.map(({ name }) => name);
  return Object.keys(names)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = closest(name, known);
      return `the network has no "${name}" that "names" could mean${near ? ` (there is "${near}")` : ''}`;
    });
}

const shown = 8;

function doesNotFit(problems: readonly string[], label: string): UserError {
  const more = problems.length > shown ? `; and ${problems.length - shown} more` : '';
  return new UserError({
    severity: 'error',
    code: 'import-mismatch',
    message: `${label} does not fit the network: ${problems.slice(0, shown).join('; ')}${more}`,
    hint: 'check the settings of the network; "prefix" and "names" say how the file calls its tensors, "classifier: new" leaves its last layer out',
  });
}

/** PyTorch's shape of one of ours. */
function foreignShape(shape: readonly number[]): readonly number[] {
  if (shape.length < 2) return shape;
  const [out, into, ...window] = [shape.at(-1)!, shape.at(-2)!, ...shape.slice(0, -2)];
  return [out, into, ...window];
}

/** Values of a tensor [out, in, …window] in the order […window, in, out]. */
function rearranged({ shape, values }: NamedTensor): Float32Array {
  if (shape.length < 2) return values;
  const [out, into, ...window] = shape as [number, number, ...number[]];
  const pixels = sizeOf(window);
  const result = new Float32Array(values.length);
  for (let o = 0; o < out; o++)
    for (let i = 0; i < into; i++)
      for (let p = 0; p < pixels; p++)
        result[(p * into + i) * out + o] = values[(o * into + i) * pixels + p]!;
  return result;
}
