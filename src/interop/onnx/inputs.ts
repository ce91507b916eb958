// The inputs of an imported network: which axis is the batch, the sizes that the file leaves open, values that are fixed,
// and the order of the axes of images.

import { elementCount, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { NumberKind, OnnxGraph, OnnxValueInfo } from './model.ts';
import { MOST_ELEMENTS } from './step.ts';
import { type Symbolic, symbolic, withChannelsLast } from './value.ts';

/** What a caller says of an input. */
export type OnnxInputOptions = {
  /** Sizes of one example, in the order of the file, without the batch; needed where the file leaves them open. */
  readonly shape?: Shape;
  /** A value that never changes, such as a sample rate: the input is no input of the network then. */
  readonly value?: number | readonly number[];
  /** Which axis of the file is the batch; absent: found out. */
  readonly batchAxis?: number;
  /** `channels-last`: images are (height, width, channels), as everywhere in ohmic; the default for images. */
  readonly layout?: 'channels-last' | 'as-in-file';
  /** Its name in the network; absent: that of the file. */
  readonly as?: string;
};

/** An input of the network. */
export type NetworkInput = {
  readonly name: string;
  readonly as: string;
  readonly kind: NumberKind;
  /** In the order of the file; the batch axis has any size. */
  readonly dims: Shape;
  readonly batchAxis: number;
  readonly channelsLast: boolean;
};

/** What the inputs of a file become. */
export type Inputs = {
  readonly inputs: readonly NetworkInput[];
  /** By name. */
  readonly fixed: Readonly<
    Record<string, { readonly kind: NumberKind; readonly dims: Shape; readonly values: number[] }>
  >;
  /** Size of the batch, if the file says one. */
  readonly fixedBatch: number | undefined;
  readonly faults: readonly string[];
};

/** Settles the inputs; what is missing is listed. */
export function settleInputs(graph: OnnxGraph, options: Readonly<Record<string, OnnxInputOptions>>): Inputs {
  const faults = Object.keys(options)
    .filter((name) => !graph.inputs.some((input) => input.name === name))
    .map(
      (name) =>
        `input "${name}": there is none; the file has ${graph.inputs.map((input) => `"${input.name}"`).join(', ') || 'no inputs'}`,
    );
  const inputs: NetworkInput[] = [];
  const fixed: Record<string, Inputs['fixed'][string]> = {};
  const main = graph.inputs.find(
    ({ name, dims }) => options[name]?.value === undefined && dims?.length !== 0,
  );
  const batch = main?.dims?.[0];
  for (const info of graph.inputs) {
    const own = options[info.name] ?? {};
    if (own.value !== undefined) {
      const values = typeof own.value === 'number' ? [own.value] : [...own.value];
      const dims = info.dims?.length === 0 || typeof own.value === 'number' ? [] : [values.length];
      fixed[info.name] = {
        kind: info.kind ?? 'float',
        dims: info.dims?.length === 1 ? [values.length] : dims,
        values,
      };
      continue;
    }
    const settled = settleInput(graph, info, own, batch);
    if (typeof settled === 'string') faults.push(`input "${info.name}": ${settled}`);
    else inputs.push(settled);
  }
  if (inputs.length === 0 && faults.length === 0) faults.push('it has no inputs');
  return { inputs, fixed, fixedBatch: typeof batch === 'number' ? batch : undefined, faults };
}

function settleInput(
  graph: OnnxGraph,
  { name, kind = 'float', dims: declared }: OnnxValueInfo,
  { shape, batchAxis, layout, as = name }: OnnxInputOptions,
  batch: number | string | undefined,
): NetworkInput | string {
  if (declared?.length === 0) return `it is a single number; give its value`;
  if (kind === 'bool') return 'it is bool, expected numbers';
  const rank = declared?.length ?? (shape === undefined ? undefined : shape.length + 1);
  if (rank === undefined) return 'the file does not say its shape; give the shape of one example';
  const axis = batchAxis ?? Math.max(0, (declared ?? []).indexOf(batch));
  if (!(Number.isInteger(axis) && axis >= 0 && axis < rank))
    return `its batch axis ${axis} is outside ${rank} axes`;
  if (shape !== undefined && shape.length !== rank - 1)
    return `the shape of one example has ${shape.length} sizes, expected ${rank - 1}`;
  const open: string[] = [];
  const dims = Array.from({ length: rank }, (_, k) => {
    if (k === axis) return 1;
    const given = shape?.[k < axis ? k : k - 1];
    const said = declared?.[k];
    if (typeof said === 'number') {
      if (given !== undefined && given !== said)
        open.push(`axis ${k} is ${said}, the given shape says ${given}`);
      return said;
    }
    if (given === undefined)
      open.push(
        `axis ${k}${said === undefined ? '' : ` ("${said}")`} may have any size; give the shape of one example`,
      );
    return given ?? 1;
  });
  const odd = dims.find((size) => !(Number.isInteger(size) && size >= 1));
  if (odd === undefined && elementCount(dims) > MOST_ELEMENTS)
    open.push(`an example of ${elementCount(dims)} numbers, expected at most ${MOST_ELEMENTS}`);
  if (odd !== undefined) open.push(`a size of ${odd}, expected a whole number from 1`);
  if (open.length > 0) return open[0]!;
  const isImages = rank === 4 && axis === 0 && !isTurnedFirst(graph, name);
  const channelsLast =
    rank === 4 && axis === 0 && (layout === undefined ? isImages : layout === 'channels-last');
  return { name, as, kind, dims, batchAxis: axis, channelsLast };
}

/** True if the file itself turns images from (height, width, channels). */
function isTurnedFirst({ nodes }: OnnxGraph, name: string): boolean {
  const users = nodes.filter(({ inputs }) => inputs.includes(name));
  return (
    users.length > 0 &&
    users.every(({ op, attributes }) => {
      const order = attributes['perm'];
      return op === 'Transpose' && Array.isArray(order) && order.join() === '0,3,1,2';
    })
  );
}

/** Shape of one example of an input of the network. */
export function exampleShape({ dims, batchAxis, channelsLast }: NetworkInput): Shape {
  const rest = dims.filter((_, axis) => axis !== batchAxis);
  return channelsLast ? [...rest.slice(1), rest[0]!] : rest;
}

/** The value of the file's input, from the tensor of the network's. */
export function inputValue({ batchAxis, channelsLast, kind }: NetworkInput, tensor: Tensor): Symbolic {
  if (channelsLast) return withChannelsLast(tensor, kind);
  return symbolic(tensor.transpose(axisFromFront(tensor.shape.length, batchAxis)), kind);
}

/** The order of axes that brings the first axis to a place. */
function axisFromFront(rank: number, place: number): number[] {
  const rest = Array.from({ length: rank - 1 }, (_, k) => k + 1);
  return [...rest.slice(0, place), 0, ...rest.slice(place)];
}

/** The order of axes that brings an axis to the front. */
export function axisToFront(rank: number, axis: number): number[] {
  return [axis, ...Array.from({ length: rank }, (_, k) => k).filter((k) => k !== axis)];
}
