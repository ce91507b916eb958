// An ONNX file as a network with its parameters: decoded, resolved, built. The description that it carries is enough to
// build it again, without the file.

import { sha256 } from '../../base/digest.ts';
import { messageOf, UsageError } from '../../base/errors.ts';
import type { Parameters } from '../../base/parameters.ts';
import type { Shape } from '../../base/shape.ts';
import type { Network } from '../../nn/network.ts';
import { decodeModel } from './decode.ts';
import {
  type DescribedConstant,
  descriptionText,
  type OnnxDescription,
  parseDescription,
} from './description.ts';
import type { OnnxInputOptions } from './inputs.ts';
import { byName, type OnnxGraph, type OnnxValueInfo } from './model.ts';
import { networkOf } from './network.ts';
import { type ResolveOptions, resolveModel } from './resolve.ts';
import type { ReadFile } from './tensor-values.ts';

/** Options of `importOnnx`. */
export type OnnxOptions = {
  /** Name of the network, and of the file in errors. */
  readonly name?: string;
  /** Reads a file beside it, for weights that lie there. */
  readonly readFile?: ReadFile;
  /** What to know of inputs, by their names in the file. */
  readonly inputs?: Readonly<Record<string, OnnxInputOptions>>;
  /** The outputs to keep: their names in the file, and those in the network; absent: all. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** Leave out a softmax at the end, so that the network gives logits. */
  readonly dropSoftmax?: boolean;
  /**
   * The network classifies images of this shape, (height, width, channels): its input becomes `images`, its first output
   * `logits`, without a softmax. Sizes that the file leaves open are those of the images.
   */
  readonly images?: Shape;
  /**
   * Convolutions with a bias get a batch normalisation in its place, which computes the same, unless the network has such
   * normalisations: exporters fold them into the weights. Its statistics can be estimated again (AdaBS, training).
   */
  readonly restoreNormalization?: boolean;
};

/** An imported network. */
export type ImportedOnnx = {
  readonly network: Network;
  readonly parameters: Parameters;
  /** The program that wrote the file. */
  readonly producer: string;
  /** Version of the standard operators. */
  readonly opset: number;
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Layers that got a batch normalisation of the same name: hand them to `restoreStatistics`. */
  readonly restored: readonly string[];
};

/**
 * Reads an ONNX file, operators of version 7 to 26.
 *
 * Filters and matrices that the file holds as operands of Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN, and
 * tables of Gather, are layers, which may live on crossbars. Everything else is digital, products of computed tensors
 * too. Batch normalisation keeps its running statistics. Images come and go as (height, width, channels); other
 * tensors keep the order of the file, with the batch first. Branches are chosen and shapes computed while importing.
 *
 * @throws UsageError that lists what is missing, damaged or not supported
 * @source operators: github.com/onnx/onnx, docs/Operators.md
 *
 * Not modelled: float64 and integers are computed in float32; random operators and dropout in training.
 */
export async function importOnnx(bytes: Uint8Array, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  const { name = 'onnx', readFile, inputs = {}, outputs, dropSoftmax } = options;
  const { restoreNormalization = false, images } = options;
  return within(name, async () => {
    const model = await decodeModel(bytes, readFile);
    const asked: ResolveOptions = { name, inputs, outputs, dropSoftmax };
    const resolving = images === undefined ? asked : asClassifier(model.graph, asked, images);
    const { description: plain, numbers } = resolveModel(model, resolving);
    const asInFile = networkOf(plain, (constant) => numbers.get(constant));
    const restored = restoreNormalization ? foldedLayers(asInFile.network) : [];
    const description = { ...plain, restored };
    const found =
      restored.length === 0 ? asInFile : networkOf(description, (constant) => numbers.get(constant));
    const kept = withNumbers(description, found.read, (constant) => numbers.get(constant)!);
    const parameters = found.parameters();
    const { network } = networkOf(kept, () => undefined, descriptionText(kept));
    const { producer, opset } = model;
    return { network, parameters, producer, opset, digest: await sha256(bytes), restored };
  });
}

/**
 * The network that a weights file describes.
 *
 * @param where the file, for errors
 * @throws UsageError if the description is damaged
 */
export function networkFromDescription(where: string, text: string): Network {
  const description = parseDescription(where, text);
  try {
    return networkOf(description, () => undefined, text).network;
  } catch (thrown) {
    throw asUsage(`${where}: the description of its network`, thrown);
  }
}

/** Names of a network that classifies images. */
function asClassifier(graph: OnnxGraph, asked: ResolveOptions, images: Shape): ResolveOptions {
  const free = graph.inputs.filter(({ name }) => asked.inputs[name]?.value === undefined);
  const [input] = free;
  const [output] = graph.outputs;
  if (input === undefined || free.length > 1 || output === undefined)
    throw new UsageError(
      `expected one input, the images, and an output, got the inputs ${graph.inputs.map(({ name }) => `"${name}"`).join(', ')}; give values for the others`,
    );
  const own = asked.inputs[input.name] ?? {};
  const isOpen = input.dims === undefined || input.dims.slice(1).some((size) => typeof size !== 'number');
  const shape = own.shape ?? (isOpen ? openShape(input, images) : undefined);
  return {
    ...asked,
    inputs: {
      ...asked.inputs,
      [input.name]: { ...own, as: 'images', ...(shape !== undefined && { shape }) },
    },
    outputs: asked.outputs ?? { [output.name]: 'logits' },
    dropSoftmax: asked.dropSoftmax ?? true,
  };
}

/** Images in the order of the file: channels first, unless their number stands last. */
function openShape({ dims }: OnnxValueInfo, images: Shape): Shape {
  const channels = images.at(-1)!;
  const isLast = dims !== undefined && dims.at(-1) === channels && dims[1] !== channels;
  return isLast ? images : [channels, ...images.slice(0, -1)];
}

/** Convolutions with a bias, of a network without batch normalisation. */
function foldedLayers({ layers, parameters, normalizationLayers }: Network): string[] {
  if (normalizationLayers.length > 0) return [];
  const names = new Set(parameters.map(({ name }) => name));
  return layers
    .filter(({ kind, name }) => kind !== 'dense' && kind !== 'embedding' && names.has(`${name}.bias`))
    .map(({ name }) => name);
}

/** The description with the numbers that shape the network. */
function withNumbers(
  description: OnnxDescription,
  read: ReadonlySet<string>,
  numbers: (name: string) => ArrayLike<number>,
): OnnxDescription {
  const constants = byName<DescribedConstant>();
  for (const [name, constant] of Object.entries(description.constants))
    constants[name] = read.has(name) ? { ...constant, values: Array.from(numbers(name)) } : constant;
  return { ...description, constants };
}

async function within<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw asUsage(where, thrown);
  }
}

/** What a damaged file makes of the code that reads it is its fault, not ours. */
function asUsage(where: string, thrown: unknown): unknown {
  if (thrown instanceof UsageError) return new UsageError(`${where}: ${thrown.message}`);
  if (thrown instanceof TypeError || thrown instanceof RangeError)
    return new UsageError(
      `${where}: it is damaged, or uses an operator in a way that is not known (${messageOf(thrown)})`,
    );
  return thrown;
}
