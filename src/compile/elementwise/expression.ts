// Lowering of expressions, one interpretation of the primitives: emits the code that computes elements of a value
// inside a kernel. Views become index arithmetic, elementwise operations vector operations, values in memory loads.

import { InternalError, invariant } from '../../base/errors.ts';
import type { Key } from '../../base/random.ts';
import { elementCount, stridesOf } from '../../base/shape.ts';
import { isOp, type Node, type OpName } from '../../graph/node.ts';
import type { KernelBuilder, Offset } from '../../kernel/builder.ts';
import {
  coefficientOf,
  dependsOn,
  div,
  flatten,
  hasDivision,
  type Int,
  intKey,
  LANE,
  literal,
  mod,
  plus,
  unflatten,
  variable,
} from '../../kernel/int.ts';
import type { Local, VectorOp, VectorType } from '../../kernel/kernel.ts';
import {
  emitBitCount,
  emitCos,
  emitExp,
  emitLog,
  emitNormal,
  emitRandomWord,
  emitTanh,
  emitThreefry,
  emitUniform,
} from '../../kernel/math.ts';
import type { Emit, Place, Surroundings } from './emission.ts';
import { emitRecurrence } from './recurrence.ts';

const isFloat = (node: Node): boolean => node.dtype === 'f32';
const typeOf = (node: Node): VectorType => (isFloat(node) ? 'f32' : 'i32');

type Lowering<K extends OpName> = (node: Node<K>, index: readonly Int[], emit: Emit, s: Place) => Local;

const elementwise =
  (float: VectorOp | undefined, int?: VectorOp) =>
  (node: Node, index: readonly Int[], emit: Emit, s: Surroundings): Local => {
    const op = isFloat(node.inputs[0]!) ? float : int;
    invariant(op, () => `${node.op} has no meaning for ${node.inputs[0]!.dtype}`);
    return s.builder.operation(op, ...node.inputs.map((input) => emit(input, index)));
  };

const math =
  (f: (builder: KernelBuilder, x: Local) => Local) =>
  (node: Node, index: readonly Int[], emit: Emit, s: Surroundings): Local =>
    f(s.builder, emit(node.inputs[0]!, index));

const view = (node: Node, index: readonly Int[], emit: Emit): Local =>
  emit(node.inputs[0]!, viewedIndex(node, index));

const ownKernel = (node: Node): never => {
  throw new InternalError(`internal: ${node.op} is a kernel of its own`);
};

/** The random word of every element: the stream's key, then the element's number as counter. */
function randomWord(
  node: Node<'uniform' | 'normal'>,
  index: readonly Int[],
  emit: Emit,
  s: Surroundings,
): Local {
  const stream: Key = node.attributes.stream;
  const words = node.inputs.map((word) => emit(word, [])) as [Local, Local];
  const names = stream.map((word) => s.builder.pushConstant(s.pushConstantPosition(word))) as [Local, Local];
  const key = emitThreefry(s.builder, words, names);
  return emitRandomWord(s.builder, key, flatten(index, stridesOf(node.shape)));
}

/** Offset of the row of a table that an index selects; indices beyond the table are clamped to its rows. */
export function rowOffset(
  builder: KernelBuilder,
  indices: Node,
  index: Local,
  rows: number,
  width: number,
): Omit<Offset, 'isUniform'> {
  const int = (value: number): Local => builder.literal(value, 'i32');
  // The maximum makes NaN 0; a float below 2³⁰ can be truncated.
  const whole = isFloat(indices)
    ? builder.operation(
        'truncate',
        builder.operation(
          'minimum',
          builder.operation('maximum', index, builder.literal(0)),
          builder.literal(2 ** 30),
        ),
      )
    : builder.operation('maximumInt', index, int(0));
  const row = builder.operation('minimumInt', whole, int(rows - 1));
  const by = width === 1 ? row : builder.operation('multiplyInt', row, int(width));
  return { by, reach: (rows - 1) * width };
}

const lowerings: { readonly [K in OpName]: Lowering<K> } = {
  input: (node, _index, _emit, s) => {
    invariant(node.attributes.role === 'scalar', 'a tensor input is in memory');
    return s.builder.scalar(s.scalarSlot(node.attributes.name), typeOf(node));
  },
  constant: ({ attributes: { value, dtype } }, _index, _emit, s) => {
    if (dtype === 'f32') return s.builder.literal(value);
    // A mask has all bits set or none.
    return s.builder.literal(dtype === 'bool' ? -Number(value !== 0) : value, 'i32');
  },
  iota: (node, index, _emit, s) => s.builder.index(index[node.attributes.axis]!),
  uniform: (node, index, emit, s) => emitUniform(s.builder, randomWord(node, index, emit, s)),
  normal: (node, index, emit, s) => emitNormal(s.builder, randomWord(node, index, emit, s)),
  negate: elementwise('negate'),
  abs: elementwise('abs'),
  exp: math(emitExp),
  log: math(emitLog),
  sqrt: elementwise('sqrt'),
  tanh: math(emitTanh),
  cos: math(emitCos),
  floor: elementwise('floor'),
  round: elementwise('round'),
  cast: (node, index, emit, { builder }) => {
    const x = emit(node.inputs[0]!, index);
    const from = node.inputs[0]!.dtype;
    if (from === node.dtype) return x;
    if (node.dtype === 'bool') {
      const isZero =
        from === 'f32'
          ? builder.operation('equal', x, builder.literal(0))
          : builder.operation('equalInt', x, builder.literal(0, 'i32'));
      return builder.operation('xor', isZero, builder.literal(-1, 'i32'));
    }
    if (from === 'bool') {
      const isF32 = node.dtype === 'f32';
      return isF32
        ? builder.operation('select', x, builder.literal(1), builder.literal(0))
        : builder.operation('selectInt', x, builder.literal(1, 'i32'), builder.literal(0, 'i32'));
    }
    return builder.operation(node.dtype === 'f32' ? 'toFloat' : 'truncate', x);
  },
  add: elementwise('add', 'addInt'),
  subtract: elementwise('subtract', 'subtractInt'),
  multiply: elementwise('multiply', 'multiplyInt'),
  divide: elementwise('divide'),
  maximum: elementwise('maximum', 'maximumInt'),
  minimum: elementwise('minimum', 'minimumInt'),
  less: elementwise('less', 'lessInt'),
  lessEqual: elementwise('lessEqual', 'lessEqualInt'),
  equal: elementwise('equal', 'equalInt'),
  bitAnd: elementwise(undefined, 'and'),
  bitCount: math(emitBitCount),
  select: (node, index, emit, { builder }) => {
    const [condition, a, b] = node.inputs.map((input) => emit(input, index)) as [Local, Local, Local];
    return builder.operation(isFloat(node) ? 'select' : 'selectInt', condition, a, b);
  },
  reshape: view,
  transpose: view,
  broadcast: view,
  slice: view,
  pad: ownKernel,
  concat: ownKernel,
  gather: (node, index, emit, s) => {
    const [table, indices] = node.inputs as [Node, Node];
    const rank = indices.shape.length;
    const outer = index.slice(0, rank);
    // A reshaped table has the memory of the original.
    const slot = s.slotOf(table) ?? (table.op === 'reshape' ? s.slotOf(table.inputs[0]!) : undefined);
    invariant(slot !== undefined, 'a table is not in memory');
    const [rows, ...row] = table.shape as [number, ...number[]];
    const offset = rowOffset(s.builder, indices, emit(indices, outer), rows, elementCount(row));
    const isUniform = !outer.some((i) => dependsOn(i, LANE));
    return s.builder.loadAt(
      slot,
      flatten(index.slice(rank), stridesOf(row)),
      { ...offset, isUniform },
      typeOf(node),
    );
  },
  scatterAdd: ownKernel,
  sum: ownKernel,
  reduceMax: ownKernel,
  matmul: ownKernel,
  convolution: ownKernel,
  convolutionInputGradient: ownKernel,
  convolutionWeightGradient: ownKernel,
  transposedConvolution: ownKernel,
  carried: (node, _index, _emit, { loops }) =>
    loops.get(node.attributes.loop)!.states[node.attributes.position]!,
  item: (node, index, emit, { loops }) =>
    emit(node.inputs[0]!, [loops.get(node.attributes.loop)!.iteration, ...index]),
  recurrence: emitRecurrence,
  detach: ownKernel,
  custom: ownKernel,
};

/** Notes on nodes at an index. Equal indices share theirs, also if views create them repeatedly. */
class ByIndex<T> {
  private readonly byIdentity = new Map<readonly Int[], T>();
  private readonly byValue = new Map<string, T>();
  private readonly create: () => T;

  constructor(create: () => T) {
    this.create = create;
  }

  at(index: readonly Int[]): T {
    const same = this.byIdentity.get(index);
    if (same !== undefined) return same;
    const key = index.map(intKey).join();
    const here = this.byValue.get(key) ?? this.create();
    this.byValue.set(key, here);
    this.byIdentity.set(index, here);
    return here;
  }
}

/** Index into the input of a view. */
function viewedIndex(node: Node, index: readonly Int[]): Int[] {
  const [input] = node.inputs as [Node];
  if (isOp(node, 'reshape')) return unflatten(flatten(index, stridesOf(node.shape)), input.shape);
  if (isOp(node, 'transpose'))
    return input.shape.map((_, axis) => index[node.attributes.permutation.indexOf(axis)]!);
  if (isOp(node, 'broadcast')) return index.map((i, axis) => (input.shape[axis] === 1 ? literal(0) : i));
  if (isOp(node, 'slice')) return index.map((i, axis) => plus(i, literal(node.attributes.start[axis]!)));
  throw new InternalError(`internal: ${node.op} is not a view`);
}

/**
 * An emitter of expressions into a kernel. `bound` has the values that the kernel holds in registers: the accumulators
 * of a product, for its epilogue.
 */
export function createEmitter(
  s: Surroundings,
  bound: ReadonlyMap<Node, (index: readonly Int[]) => Local> = new Map(),
): Emit {
  // Values of the expression being emitted, so that a value with two uses is visited once: a list for each block that
  // is open, the innermost last.
  const known: ByIndex<Map<Node, Local>>[] = [];
  const scoped = <T>(body: () => T): T => {
    known.push(new ByIndex(() => new Map()));
    const result = body();
    known.pop();
    return result;
  };
  const place: Place = { ...s, loops: new Map(), scoped };
  const emitAnew: Emit = (node, index) => {
    const register = bound.get(node);
    if (register !== undefined) return register(index);
    const slot = s.slotOf(node);
    if (slot !== undefined) return s.builder.load(slot, flatten(index, stridesOf(node.shape)), typeOf(node));
    return (lowerings[node.op] as Lowering<OpName>)(node, index, emit, place);
  };
  const emit: Emit = (node, index) => {
    if (known.length === 0) return scoped(() => emit(node, index));
    const here = known.map((block) => block.at(index));
    for (const block of here) {
      const met = block.get(node);
      if (met !== undefined) return met;
    }
    const value = emitAnew(node, index);
    here[here.length - 1]!.set(node, value);
    return value;
  };
  return emit;
}

/** Addresses, within their buffers, of all values in memory that the expressions load at `index`, and numbers of draws. */
function addresses(
  roots: readonly Node[],
  index: readonly Int[],
  isStored: (node: Node) => boolean,
): Map<string, Int> {
  const found = new Map<string, Int>();
  const seen = new ByIndex(() => new Set<Node>());
  const visit = (node: Node, at: readonly Int[]): void => {
    const here = seen.at(at);
    if (here.has(node)) return;
    here.add(node);
    if (isStored(node)) {
      const address = flatten(at, stridesOf(node.shape));
      found.set(intKey(address), address);
    } else if (
      node.op === 'reshape' ||
      node.op === 'transpose' ||
      node.op === 'broadcast' ||
      node.op === 'slice'
    ) {
      visit(node.inputs[0]!, viewedIndex(node, at));
    } else if (isOp(node, 'item')) {
      const [input] = node.inputs as [Node];
      visit(input, [variable(`loop ${node.attributes.loop}`, input.shape[0]!), ...at]);
    } else if (node.op === 'gather') {
      const [table, indices] = node.inputs as [Node, Node];
      const rank = indices.shape.length;
      visit(indices, at.slice(0, rank));
      const address = flatten(at.slice(rank), stridesOf(table.shape.slice(1)));
      found.set(intKey(address), address);
    } else {
      if (isOp(node, 'iota')) found.set(intKey(at[node.attributes.axis]!), at[node.attributes.axis]!);
      if (node.op === 'uniform' || node.op === 'normal') {
        const number = flatten(at, stridesOf(node.shape));
        found.set(intKey(number), number);
      }
      for (const input of node.inputs) visit(input, input.shape.length === 0 ? [] : at);
    }
  };
  for (const root of roots) visit(root, index);
  return found;
}

/** An axis of a loop nest: one axis of a tensor, or neighbouring axes merged. */
export type MergedAxis = { readonly size: number; readonly axes: readonly number[] };

/**
 * Merges neighbouring axes of `shape` as long as every load of the expressions keeps a plain stride, so that inner
 * loops get long.
 *
 * @param mayMerge whether axis k may join axis k + 1
 */
export function mergeAxes(
  shape: readonly number[],
  roots: readonly Node[],
  isStored: (node: Node) => boolean,
  mayMerge: (axis: number) => boolean,
): MergedAxis[] {
  let merged: MergedAxis[] = shape.map((size, axis) => ({ size, axes: [axis] }));
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    if (!mayMerge(axis)) continue;
    const at = merged.findIndex((group) => group.axes.includes(axis));
    const [left, right] = [merged[at]!, merged[at + 1]!];
    const joined = { size: left.size * right.size, axes: [...left.axes, ...right.axes] };
    const candidate = [...merged.slice(0, at), joined, ...merged.slice(at + 2)];
    const variables = candidate.map((group, k) => ({
      constant: 0,
      terms: variableTerms(`m${k}`, group.size),
    }));
    const index = splitAxes(candidate, variables, shape);
    const found = addresses(roots, index, isStored);
    if ([...found.values()].every((address) => !hasDivision(address))) merged = candidate;
  }
  return merged;
}

/**
 * True if a load of the expressions is contiguous along rows, but not along columns, the lanes of a vector, which are
 * then gathered.
 *
 * @param indexAt the index into the expressions at a row and a column
 */
export function isGathered(
  roots: readonly Node[],
  isStored: (node: Node) => boolean,
  sizes: readonly [rows: number, columns: number],
  indexAt: (row: Int, column: Int) => readonly Int[],
): boolean {
  const [row, column] = sizes.map((size, k) => ({ constant: 0, terms: variableTerms(`m${k}`, size) }));
  const found = addresses(roots, indexAt(row!, column!), isStored);
  return [...found.values()].some(
    (address) => coefficientOf(address, 'm0') === 1 && (coefficientOf(address, 'm1') ?? 0) > 1,
  );
}

function variableTerms(name: string, size: number): Int['terms'] {
  return size === 1 ? [] : [{ atom: { kind: 'variable', name, max: size - 1 }, coefficient: 1 }];
}

/** The index along each original axis, from the indices along the merged axes. */
export function splitAxes(
  merged: readonly MergedAxis[],
  variables: readonly Int[],
  shape: readonly number[],
): Int[] {
  const index = new Array<Int>(shape.length);
  for (const [position, group] of merged.entries()) {
    let rest = variables[position]!;
    for (const axis of [...group.axes].reverse()) {
      index[axis] = axis === group.axes[0] ? rest : mod(rest, shape[axis]!);
      rest = div(rest, shape[axis]!);
    }
  }
  return index;
}
