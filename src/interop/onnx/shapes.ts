// Operators that change shapes and order: reshape, transpose, expand, tile, and those that tell sizes.

import { broadcastShapes, elementCount, type Shape } from '../../base/shape.ts';
import { constant, type Tensor } from '../../graph/tensor.ts';
import type { OnnxNode } from './model.ts';
import { MOST_ELEMENTS, type NodeBuilder, type Operators, type Step, sizes } from './step.ts';
import { dimsOf, type Host, hostValue, inOrder, symbolic, type Value, withChannelsLast } from './value.ts';

/** Attribute of a reshape in a file with a fixed batch: its first axis is the batch, whatever the file says. */
export const KEEPS_BATCH = 'ohmic_keeps_batch';

/** Sizes that depend on an input that the network computes depend on the batch. */
function isSized(value: Value): boolean {
  return value.where === 'graph' || value.isSized;
}

const shapeOf: NodeBuilder = (step) => {
  const dims = step.dims(0);
  const start = step.numberOf('start', 0);
  const end = step.numberOf('end', dims.length);
  return sizes(dims.slice(start, end), undefined, isSized(step.value(0)));
};

/** The shape that a reshape asks for: 0 keeps a size, −1 is whatever is left. */
export function reshapeTarget(
  node: Pick<OnnxNode, 'attributes'>,
  dims: Shape,
  target: readonly number[],
): number[] {
  const allowsZero = node.attributes['allowzero'] === 1;
  const asked = target.map((size, axis) => (size === 0 && !allowsZero ? (dims[axis] ?? 0) : size));
  if (node.attributes[KEEPS_BATCH] !== undefined) asked[0] = dims[0]!;
  const known = asked.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return asked.map((size) => (size === -1 && known > 0 ? elementCount(dims) / known : size));
}

const reshape: NodeBuilder = (step) => {
  const x = step.value(0);
  const target = step.opset < 5 ? step.numbersOf('shape') : step.list(1);
  const dims = reshapeTarget(step.node, dimsOf(x), target ?? []);
  return reshaped(step, x, dims);
};

/** The same elements in another shape; numbers stay numbers. */
export function reshaped(step: Step, x: Value, dims: Shape): Value {
  const isWhole = dims.every((size) => Number.isInteger(size) && size >= 0);
  if (!isWhole || elementCount(dims) !== elementCount(dimsOf(x)))
    throw step.fault(`(${dimsOf(x).join(', ')}) does not have the elements of (${dims.join(', ')})`);
  if (x.where === 'host') return { ...x, dims };
  return symbolic(inOrder(x).reshape(dims), x.kind);
}

const flatten: NodeBuilder = (step) => {
  const dims = step.dims(0);
  const given = step.numberOf('axis', 1);
  const axis = given < 0 ? given + dims.length : given;
  return reshaped(step, step.value(0), [elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis))]);
};

const transpose: NodeBuilder = (step) => {
  const x = step.symbol(0);
  const rank = x.tensor.shape.length;
  const order = step.numbersOf('perm') ?? x.tensor.shape.map((_, axis) => rank - 1 - axis);
  // (n, …, channels) → (n, channels, …) is another view of the same tensor.
  const isToFront =
    rank > 2 && order.every((from, axis) => from === (axis === 1 ? rank - 1 : axis > 1 ? axis - 1 : 0));
  return isToFront ? withChannelsLast(inOrder(x), x.kind) : symbolic(inOrder(x).transpose(order), x.kind);
};

const squeeze: NodeBuilder = (step) => {
  const dims = step.dims(0);
  const axes = step.axesOf(1, 13, dims.length) ?? dims.flatMap((size, axis) => (size === 1 ? [axis] : []));
  if (axes.some((axis) => dims[axis] !== 1))
    throw step.fault(`axes ${axes.join(', ')} of (${dims.join(', ')}) are not all 1`);
  return reshaped(
    step,
    step.value(0),
    dims.filter((_, axis) => !axes.includes(axis)),
  );
};

const unsqueeze: NodeBuilder = (step) => {
  const dims = step.dims(0);
  const given = (step.opset >= 13 ? step.list(1) : step.numbersOf('axes')) ?? [];
  const rank = dims.length + given.length;
  const axes = given.map((axis) => step.axis(axis, rank));
  const rest = [...dims];
  const full = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!));
  return reshaped(step, step.value(0), full);
};

const expand: NodeBuilder = (step) => {
  const x = step.symbol(0);
  const dims = broadcastShapes('Expand', dimsOf(x), positive(step, step.list(1) ?? []));
  return symbolic(inOrder(x).broadcastTo(limited(step, dims)), x.kind);
};

const tile: NodeBuilder = (step) => {
  const x = step.symbol(0);
  const dims = dimsOf(x);
  const repeats = positive(step, step.list(1) ?? []);
  limited(
    step,
    dims.map((size, axis) => size * (repeats[axis] ?? 1)),
  );
  const split = dims.flatMap((size) => [1, size]);
  const stretched = dims.flatMap((size, axis) => [repeats[axis] ?? 1, size]);
  const tiled = inOrder(x).reshape(split).broadcastTo(stretched);
  return symbolic(tiled.reshape(dims.map((size, axis) => size * (repeats[axis] ?? 1))), x.kind);
};

function positive(step: Step, dims: readonly number[]): readonly number[] {
  if (dims.every((size) => Number.isInteger(size) && size >= 1)) return dims;
  throw step.fault(`sizes (${dims.join(', ')}) are not whole numbers from 1`);
}

function limited(step: Step, dims: Shape): Shape {
  if (elementCount(dims) <= MOST_ELEMENTS) return dims;
  throw step.fault(`a tensor (${dims.join(', ')}) is too large`);
}

const constantOfShape: NodeBuilder = (step) => {
  const shape = step.host(0);
  const dims = Array.from(shape.values());
  const value = step.numberOf('value', 0);
  const kind = (['float', 'int', 'bool'] as const)[step.numberOf('kind', 0)] ?? 'float';
  if (dims.some((size) => !Number.isInteger(size) || size < 0))
    throw step.fault(`sizes (${dims.join(', ')}) are not whole`);
  const count = elementCount(dims);
  if (kind !== 'int' && count > 0 && (shape.isSized || count > SMALL))
    return symbolic(filled(step, value, limited(step, dims), kind === 'bool'), kind);
  if (count > SMALL) throw step.fault(`${count} equal whole numbers, expected at most ${SMALL}`);
  const values = kind === 'float' ? new Float32Array(count) : new Float64Array(count);
  return hostValue(values.fill(value), dims, { kind, isSized: shape.isSized });
};

/** Lists of numbers that are computed while a network is built are at most so long. */
export const SMALL = 65_536;

function filled(step: Step, value: number, dims: Shape, isBool: boolean): Tensor {
  const tensor = constant(step.world, value)
    .reshape(dims.map(() => 1))
    .broadcastTo(dims);
  return isBool ? tensor.cast('bool') : tensor;
}

const range: NodeBuilder = (step) => {
  const [start, limit, delta] = [step.number(0), step.number(1), step.number(2)];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= SMALL)) throw step.fault(`a range of ${count} numbers, expected at most ${SMALL}`);
  const hosts = [0, 1, 2].map((k) => step.host(k));
  const values = Float64Array.from({ length: count }, (_, i) => start + i * delta);
  return hostValue(values, [count], {
    kind: hosts[0]!.kind,
    isSized: hosts.some((host: Host) => host.isSized),
  });
};

/** Blocks of pixels from channels, or back. */
const depthToSpace: NodeBuilder = (step) => {
  const [n, c, h, w] = images(step);
  const b = step.numberOf('blocksize', 1);
  const x = step.tensor(0);
  const depth = c / b ** 2;
  const moved =
    step.textOf('mode', 'DCR') === 'DCR'
      ? x.reshape([n, b, b, depth, h, w]).transpose([0, 3, 4, 1, 5, 2])
      : x.reshape([n, depth, b, b, h, w]).transpose([0, 1, 4, 2, 5, 3]);
  return symbolic(moved.reshape([n, depth, h * b, w * b]));
};

const spaceToDepth: NodeBuilder = (step) => {
  const [n, c, h, w] = images(step);
  const b = step.numberOf('blocksize', 1);
  const blocks = step.tensor(0).reshape([n, c, h / b, b, w / b, b]);
  return symbolic(blocks.transpose([0, 3, 5, 1, 2, 4]).reshape([n, c * b ** 2, h / b, w / b]));
};

function images(step: Step): readonly [number, number, number, number] {
  const dims = step.dims(0);
  if (dims.length !== 4)
    throw step.fault(`expected images (n, channels, height, width), got (${dims.join(', ')})`);
  return dims as unknown as [number, number, number, number];
}

const identity: NodeBuilder = (step) => step.value(0);

/** Of an input that is dropped at random in training: in inference all of it. */
const dropout: NodeBuilder = (step) => {
  if (step.node.outputs.length > 1 && step.node.outputs[1] !== '')
    throw step.fault('its mask is used, which there is in training only');
  return step.value(0);
};

/** The operators. */
export const shapes: Operators = {
  Shape: shapeOf,
  Size: (step) => sizes([elementCount(step.dims(0))], [], isSized(step.value(0))),
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  ConstantOfShape: constantOfShape,
  Range: range,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Identity: identity,
  Dropout: dropout,
};
