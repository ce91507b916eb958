// Tensors by module. A module is what one layer of PyTorch holds: weights with a bias, a batch normalisation, an LSTM.
// A file's tensors and a network's parameters are both brought into this form, so that state-dict.ts can compare them.

import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { ParameterRole, ParameterSpec } from '../nn/network.ts';
import { type Layout, type WeightsKind, weightsKinds, weightsShapeHere } from './layout.ts';
import type { StoredTensor } from './number-formats.ts';

/** A parameter to be found in a file. */
export type WantedParameter = Pick<ParameterSpec, 'name' | 'shape' | 'role'>;

/** A layer whose weights are not what their number of axes says: see `wantedModules`. */
export type KindOfLayer = { readonly name: string; readonly kind: WeightsKind };

/** The place of a tensor in its module. `hiddenBias` is the second bias of a PyTorch LSTM. */
export type Slot = ParameterRole | 'inputWeights' | 'hiddenWeights' | 'hiddenBias';

/** Tensors that belong together. */
export type Module<T, K extends string> = {
  /** Path of the module: `layer1.0.conv1`. */
  readonly name: string;
  readonly kind: K;
  readonly tensors: ReadonlyMap<Slot, T>;
};

/** A module of the network, in its definition order. `other`: a bias alone, for instance. */
export type WantedModule = Module<WantedParameter, WeightsKind | 'normalization' | 'lstm' | 'other'>;

/** A module of a file. `other`: a tensor whose name is not one of a known module; it has the slot `weights`. */
export type ForeignModule = Module<StoredTensor, 'weights' | 'normalization' | 'lstm' | 'other'>;

const torchNames: Readonly<Record<string, Slot>> = {
  weight: 'weights',
  bias: 'bias',
  running_mean: 'runningMean',
  running_var: 'runningVariance',
};

const ownNames: readonly Slot[] = ['weights', 'bias', 'scale', 'shift', 'runningMean', 'runningVariance'];

/** PyTorch's `nn.LSTM` numbers its layers and directions; `nn.LSTMCell` has neither. */
const lstmName = /^(weight|bias)_(ih|hh)(?:_(l\d+(?:_reverse)?))?$/;

const lstmSlots: Readonly<Record<string, Slot>> = {
  weight_ih: 'inputWeights',
  weight_hh: 'hiddenWeights',
  bias_ih: 'bias',
  bias_hh: 'hiddenBias',
};

/** True for the counter of batches that PyTorch's batch normalisations keep: nothing here needs it. */
export function isBatchCounter({ name }: StoredTensor): boolean {
  return lastPart(name) === 'num_batches_tracked';
}

/** Modules of a network, in the order of its parameters. Weights of 2 axes are dense, others convolutions, if `layers` does not say otherwise. */
export function wantedModules(
  parameters: readonly WantedParameter[],
  layers: readonly KindOfLayer[],
): readonly WantedModule[] {
  const kinds = new Map(layers.map(({ name, kind }) => [name, kind]));
  const byLayer = Map.groupBy(parameters, ({ name, role }) =>
    name.endsWith(`.${role}`) ? name.slice(0, -role.length - 1) : name,
  );
  const modules = [...byLayer].map(([name, members]): WantedModule => {
    const tensors = new Map(members.map((parameter) => [parameter.role, parameter]));
    const weights = tensors.get('weights');
    const byAxes = weights?.shape.length === 2 ? 'dense' : 'convolution';
    if (weights !== undefined) return { name, kind: kinds.get(name) ?? byAxes, tensors };
    return { name, kind: isNormalization(new Set(tensors.keys())) ? 'normalization' : 'other', tensors };
  });
  return joinLstms(modules);
}

/**
 * Modules of a file, in the order of their first tensors. Names may be PyTorch's (`weight`, `running_var`,
 * `weight_ih_l0`) or ohmic's (`weights`, `runningVariance`). Layers of an LSTM with several are `name.l0`, `name.l1`, …;
 * a single one is `name`. Counters of batches must be taken out before.
 */
export function foreignModules(tensors: readonly StoredTensor[]): readonly ForeignModule[] {
  const lstmLayerOf = (name: string): string | undefined => lstmName.exec(lastPart(name))?.[3];
  const severalLayers = new Set(
    tensors.filter(({ name }) => (lstmLayerOf(name) ?? 'l0') !== 'l0').map(({ name }) => parentOf(name)),
  );
  const moduleOf = (name: string): string => {
    const [path, layer] = [parentOf(name), lstmLayerOf(name)];
    return layer !== undefined && severalLayers.has(path) ? `${path}.${layer}` : path;
  };
  const byPath = Map.groupBy(tensors, ({ name }) => moduleOf(name));
  const modules = [...byPath].flatMap(([path, members]) => modulesAt(path, members));
  const first = new Map(tensors.map((tensor, position) => [tensor, position]));
  const position = ({ tensors: own }: ForeignModule): number =>
    Math.min(...[...own.values()].map((tensor) => first.get(tensor)!));
  return joinLstms(modules).toSorted((a, b) => position(a) - position(b));
}

/** The modules of all tensors at one path: a known one, and one for each tensor that has no place in it. */
function modulesAt(path: string, members: readonly StoredTensor[]): ForeignModule[] {
  const named = members.map((tensor) => ({ tensor, slot: slotOf(lastPart(tensor.name)) }));
  const slots = new Set(named.flatMap(({ slot }) => slot ?? []));
  const weights = named.find(({ slot }) => slot === 'weights')?.tensor;
  const isVector = weights === undefined || weights.shape.length === 1;
  const affine: ReadonlySet<Slot> = new Set(isVector ? [...slots].map(asAffine) : slots);
  const other = (tensor: StoredTensor): ForeignModule => ({
    name: tensor.name,
    kind: 'other',
    tensors: new Map([['weights', tensor]]),
  });
  const kind = slots.has('inputWeights')
    ? 'lstm'
    : isVector && isNormalization(affine)
      ? 'normalization'
      : slots.has('weights') && !isVector
        ? 'weights'
        : 'other';
  if (kind === 'other') {
    // A bias alone may be that of an LSTM in ohmic's names.
    const [only] = members;
    return members.length === 1 && slots.has('bias')
      ? [{ name: path, kind, tensors: new Map([['bias', only!]]) }]
      : members.map(other);
  }
  const place = (slot: Slot): Slot => (kind === 'normalization' ? asAffine(slot) : slot);
  const fits = (slot: Slot | undefined): slot is Slot =>
    slot !== undefined && kindsOfSlot(kind).includes(place(slot));
  const inside = named.flatMap(({ tensor, slot }) => (fits(slot) ? [[place(slot), tensor] as const] : []));
  return [
    { name: path, kind, tensors: new Map(inside) },
    ...named.filter(({ slot }) => !fits(slot)).map(({ tensor }) => other(tensor)),
  ];
}

function slotOf(part: string): Slot | undefined {
  const lstm = lstmName.exec(part);
  if (lstm !== null) return lstmSlots[`${lstm[1]}_${lstm[2]}`];
  if (Object.hasOwn(torchNames, part)) return torchNames[part];
  return ownNames.find((slot) => slot === part);
}

/** PyTorch names γ and β of a normalisation like the weights and the bias of a layer. */
function asAffine(slot: Slot): Slot {
  return slot === 'weights' ? 'scale' : slot === 'bias' ? 'shift' : slot;
}

function isNormalization(slots: ReadonlySet<Slot>): boolean {
  return (
    slots.has('runningMean') || slots.has('runningVariance') || (slots.has('scale') && slots.has('shift'))
  );
}

function kindsOfSlot(kind: 'weights' | 'normalization' | 'lstm'): readonly Slot[] {
  if (kind === 'weights') return ['weights', 'bias'];
  if (kind === 'lstm') return ['inputWeights', 'hiddenWeights', 'bias', 'hiddenBias'];
  return ['scale', 'shift', 'runningMean', 'runningVariance'];
}

/** Joins `x.input`, `x.hidden` and the bias `x` to one LSTM, where their shapes are those of one. */
function joinLstms<T extends { readonly shape: Shape }, K extends string>(
  modules: readonly Module<T, K | 'lstm'>[],
): readonly Module<T, K | 'lstm'>[] {
  const weightsAt = new Map(modules.map(({ name, tensors }) => [name, tensors.get('weights')]));
  const lstms = modules.flatMap(({ name, tensors: own }): Module<T, 'lstm'>[] => {
    const [input, hidden] = [weightsAt.get(`${name}.input`), weightsAt.get(`${name}.hidden`)];
    const bias = own.size === 1 ? own.get('bias') : undefined;
    if (input === undefined || hidden === undefined || bias === undefined) return [];
    const [gates] = bias.shape;
    const isLstm =
      sameShape(hidden.shape, [gates! / 4, gates!]) && sameShape(input.shape, [input.shape[0]!, gates!]);
    if (!isLstm) return [];
    const tensors = new Map<Slot, T>();
    tensors.set('inputWeights', input).set('hiddenWeights', hidden).set('bias', bias);
    return [{ name, kind: 'lstm', tensors }];
  });
  // An LSTM stands where its input weights stood.
  const placed = new Map(lstms.map((lstm) => [`${lstm.name}.input`, lstm]));
  const absorbed = new Set(lstms.flatMap(({ name }) => [name, `${name}.hidden`]));
  return modules.flatMap((module) => (absorbed.has(module.name) ? [] : [placed.get(module.name) ?? module]));
}

/**
 * What decides whether two modules can be one: their kind and the shape of their weights as it is here. Bias and running
 * statistics are left out, so that a file that lacks one is told so.
 */
export function signatureOf({ kind, tensors }: WantedModule): string {
  if (kind === 'lstm')
    return lstmSignature(tensors.get('inputWeights')!.shape, tensors.get('hiddenWeights')!.shape);
  const shape = tensors.get('weights')?.shape ?? [...tensors.values()][0]!.shape;
  return `${kind} ${formatShape(shape)}`;
}

/** The signatures that a module of a file may have; several if its axes fit several kinds of layers. */
export function possibleSignatures({ kind, tensors }: ForeignModule, layout: Layout): readonly string[] {
  if (kind === 'other') return [];
  if (kind === 'normalization') return [`normalization ${formatShape([...tensors.values()][0]!.shape)}`];
  if (kind === 'lstm') {
    const shapes = [tensors.get('inputWeights')?.shape, tensors.get('hiddenWeights')?.shape];
    const [x, h] = layout === 'torch' ? shapes.map((shape) => shape?.toReversed()) : shapes;
    return x === undefined || h === undefined ? [] : [lstmSignature(x, h)];
  }
  const { shape } = tensors.get('weights')!;
  return weightsKinds.flatMap((weightsKind) => {
    const here = weightsShapeHere(weightsKind, layout, shape);
    return here === undefined ? [] : [`${weightsKind} ${formatShape(here)}`];
  });
}

function lstmSignature(input: Shape, hidden: Shape): string {
  return `lstm ${formatShape(input)} ${formatShape(hidden)}`;
}

/** The last part of a dotted name. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** A dotted name without its last part. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}
