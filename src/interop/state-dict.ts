// The weights of another program's file as the parameters of a network: each tensor is matched to a parameter, its axes
// are brought into ohmic's order, and the whole is refused with every mismatch at once if it is not exactly the network.
// Which module is which layer is decided in pair-modules.ts; axes are in layout.ts.

import { invariant, throwFaults } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../base/shape.ts';
import { type ImageShape, type Layout, weightsHere, weightsShapeHere } from './layout.ts';
import { ambiguityFaults, unpairedFaults } from './mismatch.ts';
import {
  foreignModules,
  isBatchCounter,
  type KindOfLayer,
  type Slot,
  type WantedModule,
  type WantedParameter,
  wantedModules,
} from './modules.ts';
import { emptyNameMap, type NameMap } from './name-map.ts';
import { floatsOf, isFloat, type StoredTensor } from './number-formats.ts';
import { keepsDefinitionOrder } from './order.ts';
import { type ModulePair, pairModules, type Reason } from './pair-modules.ts';
import { cutIntoSections } from './sections.ts';

/** A parameter and where it comes from. */
export type Match = {
  /** The parameter here. */
  readonly ours: string;
  /** Its tensor in the file; both biases of a PyTorch LSTM, which are added. */
  readonly theirs: readonly string[];
  readonly how: Reason;
};

/** A file as parameters of a network. */
export type MatchedStateDict = {
  /** Every parameter of the network, in its order. */
  readonly parameters: Parameters;
  /** In the order of the parameters. */
  readonly matches: readonly Match[];
  /** Tensors that are not used: counters of batches, and what the map leaves out. */
  readonly unused: readonly string[];
};

/** A file, a network, and what is said about the two. */
export type StateDictOptions = {
  /** The file's name, for errors. */
  readonly file: string;
  /** The file's tensors, in the order of their bytes. */
  readonly tensors: readonly StoredTensor[];
  /** The network's parameters, in the order of its forward pass. */
  readonly parameters: readonly WantedParameter[];
  /** What layers do with their weights, where 2 axes do not mean dense, or 4 convolution. */
  readonly layers?: readonly KindOfLayer[];
  /** Whose order of axes the file has. */
  readonly layout: Layout;
  /** What a person says about names and flattened images; its images go before `flattened`. */
  readonly map?: NameMap;
  /**
   * Dense layers that follow the flattening of an image, and its size. PyTorch flattens (channels, height, width), ohmic
   * (height, width, channels), so the rows of their matrices change places. The caller knows it from the network: the
   * first dense layer of `lenet5` has (5, 5, 16), that of `mlp` the shape of its images. Without it, a dense layer whose
   * inputs are a multiple of the channels of the convolution before it is refused; a dense layer that comes first is
   * taken as it stands.
   */
  readonly flattened?: Readonly<Record<string, ImageShape>>;
};

/**
 * Matches the tensors of a file to the parameters of a network.
 *
 * In this order: what the map says; equal names, after `weight`, `running_mean` and their like are translated; structure.
 * By structure, groups of equal content are brought together level by level; among equal ones, numbers in names or the
 * file's order decide, if the file keeps one. Nothing is guessed: if both are silent, that is an error.
 *
 * Layouts: see `weightsShapeHere`. Batch normalisations: `weight`, `bias`, `running_mean`, `running_var` → scale, shift,
 * runningMean, runningVariance. LSTM: `weight_ih` (4 hidden, in) → (in, 4 hidden), gates in the same order (input, forget,
 * candidate, output), and the sum of both biases.
 *
 * @throws UsageError that lists every mismatch: parameters without a tensor, tensors left over, wrong shapes, numbers that
 *         are not floating-point, what is ambiguous, and what the map says wrongly
 *
 * Not modelled: a bias before a batch normalisation, which could be folded into its mean; spectral and weight
 * normalisation (`weight_g`, `weight_v`); GRUs.
 */
export function matchStateDict(options: StateDictOptions): MatchedStateDict {
  const { file, tensors, parameters, layers = [], layout, map = emptyNameMap } = options;
  const counters = tensors.filter(isBatchCounter);
  const used = tensors.filter((tensor) => !isBatchCounter(tensor));
  const [ours, theirs] = [wantedModules(parameters, layers), foreignModules(used)];
  const { named, sections, leftOut, faults: mapFaults } = cutIntoSections(ours, theirs, map);
  const fileKeepsOrder = keepsDefinitionOrder(theirs, used);
  const paired = sections.map((section) => pairModules(section, layout, fileKeepsOrder));
  const flattened = { ...options.flattened, ...map.flattened };
  const found = [
    ...named.map(({ module, slot, parameter, tensor }): Found => {
      return { module, slot, parameter, sources: [tensor], how: 'map' };
    }),
    ...paired.flatMap(({ pairs }) => pairs.flatMap(foundIn)),
  ];
  throwFaults(`${file}: not the weights of this network`, [
    ...mapFaults,
    ...paired.flatMap(({ ambiguities }) => ambiguityFaults(ambiguities)),
    ...paired.flatMap(({ unpaired }) => unpairedFaults(unpaired, layout)),
    ...paired.flatMap(({ pairs }) => pairs.flatMap(missingIn)),
    ...found.flatMap((each) => shapeFaults(each, layout)),
    ...found.flatMap(numberFaults),
    ...flattenedFaults(ours, layout, flattened),
  ]);
  const byName = new Map(found.map((each) => [each.parameter.name, each]));
  const inOrder = parameters.map(({ name }) => {
    const each = byName.get(name);
    invariant(each !== undefined, () => `parameter "${name}" has neither a partner nor a fault`);
    return each;
  });
  return {
    parameters: Object.fromEntries(
      inOrder.map((each) => [
        each.parameter.name,
        hostTensor(each.parameter.shape, valuesHere(file, each, layout, flattened[each.module.name])),
      ]),
    ),
    matches: inOrder.map(({ parameter, sources, how }) => ({
      ours: parameter.name,
      theirs: sources.map(({ name }) => name),
      how,
    })),
    unused: [...counters, ...leftOut].map(({ name }) => name),
  };
}

/** A parameter and its tensors. */
type Found = {
  readonly module: WantedModule;
  readonly slot: Slot;
  readonly parameter: WantedParameter;
  readonly sources: readonly StoredTensor[];
  readonly how: Reason;
};

function sourcesOf(slot: Slot, { theirs }: ModulePair): readonly StoredTensor[] {
  const slots: readonly Slot[] = slot === 'bias' ? ['bias', 'hiddenBias'] : [slot];
  return slots.flatMap((each) => theirs.tensors.get(each) ?? []);
}

function foundIn(pair: ModulePair): readonly Found[] {
  return [...pair.ours.tensors].flatMap(([slot, parameter]) => {
    const sources = sourcesOf(slot, pair);
    return sources.length === 0 ? [] : [{ module: pair.ours, slot, parameter, sources, how: pair.how }];
  });
}

/** Parameters that the module in the file lacks, and tensors in it that the layer here lacks. */
function missingIn(pair: ModulePair): readonly string[] {
  const { ours, theirs } = pair;
  const used = new Set([...ours.tensors.keys()].flatMap((slot) => sourcesOf(slot, pair)));
  return [
    ...[...ours.tensors].flatMap(([slot, { name, shape }]) =>
      sourcesOf(slot, pair).length > 0
        ? []
        : [`"${name}" ${formatShape(shape)} has no tensor: "${theirs.name}" in the file lacks it`],
    ),
    ...[...theirs.tensors.values()].flatMap((tensor) =>
      used.has(tensor)
        ? []
        : [
            `"${tensor.name}" ${formatShape(tensor.shape)} is left over: "${ours.name}" here has no such parameter`,
          ],
    ),
  ];
}

/** The shape here of a tensor at its place in a layer; undefined if it cannot stand there. */
function shapeHere(
  { module: { kind }, slot }: Found,
  { shape }: StoredTensor,
  layout: Layout,
): Shape | undefined {
  if (slot === 'inputWeights' || slot === 'hiddenWeights') return weightsShapeHere('dense', layout, shape);
  const isWeights = slot === 'weights' && kind !== 'normalization' && kind !== 'lstm' && kind !== 'other';
  return isWeights ? weightsShapeHere(kind, layout, shape) : shape;
}

function shapeFaults(found: Found, layout: Layout): readonly string[] {
  const { parameter, sources } = found;
  return sources.flatMap((tensor) => {
    const here = shapeHere(found, tensor, layout);
    if (here !== undefined && sameShape(here, parameter.shape)) return [];
    const inFile = `"${parameter.name}" must have shape ${formatShape(parameter.shape)}, "${tensor.name}" is ${formatShape(tensor.shape)}`;
    return [
      here === undefined || sameShape(here, tensor.shape) ? inFile : `${inFile}, here ${formatShape(here)}`,
    ];
  });
}

function numberFaults({ sources }: Found): readonly string[] {
  return sources.flatMap(({ name, dtype }) =>
    isFloat(dtype) ? [] : [`"${name}" is ${dtype}, expected F32, F16, BF16 or F64; convert it to float32`],
  );
}

/** Hints that cannot be, and dense layers behind convolutions that need one. */
function flattenedFaults(
  ours: readonly WantedModule[],
  layout: Layout,
  flattened: Readonly<Record<string, ImageShape>>,
): readonly string[] {
  const hints = Object.entries(flattened).flatMap(([layer, image]) => {
    const module = ours.find(({ name, kind }) => name === layer && kind === 'dense');
    if (module === undefined) return [`flattened: "${layer}" is no dense layer here`];
    const [rows] = module.tensors.get('weights')!.shape;
    return elementCount(image) === rows
      ? []
      : [`flattened: "${layer}" takes ${rows} inputs, ${formatShape(image)} are ${elementCount(image)}`];
  });
  if (layout === 'ohmic') return hints;
  const layers = ours.filter(({ tensors }) => tensors.has('weights'));
  const unsaid = layers.slice(1).flatMap((layer, i) => {
    const before = layers[i]!;
    const channels = before.tensors.get('weights')!.shape.at(-1)!;
    const [rows] = layer.tensors.get('weights')!.shape as readonly [number];
    const isImage = layer.kind === 'dense' && before.kind !== 'dense' && before.kind !== 'embedding';
    if (!isImage || rows <= channels || rows % channels !== 0 || Object.hasOwn(flattened, layer.name))
      return [];
    return [
      `"${layer.name}" takes ${rows} inputs, which are ${rows / channels} pixels of the ${channels} channels of "${before.name}"; say the size of the image that is flattened: "flattened": {"${layer.name}": [height, width, ${channels}]}`,
    ];
  });
  return [...hints, ...unsaid];
}

function valuesHere(
  file: string,
  found: Found,
  layout: Layout,
  flattened: ImageShape | undefined,
): Float32Array {
  const { module, slot, sources } = found;
  const [first, second] = sources.map((tensor) => floatsOf(file, tensor));
  if (second !== undefined) return first!.map((value, i) => value + second[i]!);
  const [values, { shape }] = [first!, sources[0]!];
  if (slot === 'inputWeights' || slot === 'hiddenWeights') {
    return weightsHere({ kind: 'dense', layout, shape, values });
  }
  const { kind } = module;
  if (slot !== 'weights' || kind === 'normalization' || kind === 'lstm' || kind === 'other') return values;
  return weightsHere({ kind, layout, shape, values, flattened });
}

/** How many parameters were matched in which way: `33 by shape, 64 by neighbour, 11 by numbers`. */
export function countReasons(matches: readonly Match[]): string {
  return [...Map.groupBy(matches, ({ how }) => how)]
    .map(([how, members]) => `${members.length} by ${how}`)
    .join(', ');
}
