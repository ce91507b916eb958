// Vector statements as WebAssembly SIMD instructions: one table for the operations, and lane-wise memory access.

import { type Local, type Statement, TABLE_SIZE, type VectorOp } from '../kernel/kernel.ts';
import type { Address } from './addresses.ts';
import type { FunctionWriter, WasmLocal } from './assembler.ts';
import type { PlainInstruction } from './opcodes.ts';

/** Order in which operands go onto the stack, and the instructions that follow. */
type Encoding = { readonly order: readonly number[]; readonly instructions: readonly PlainInstruction[] };

const unary = (...instructions: readonly PlainInstruction[]): Encoding => ({ order: [0], instructions });
const binary = (instruction: PlainInstruction): Encoding => ({ order: [0, 1], instructions: [instruction] });
const swapped = (instruction: PlainInstruction): Encoding => ({ order: [1, 0], instructions: [instruction] });
// v128.bitselect takes the mask last.
const selection: Encoding = { order: [1, 2, 0], instructions: ['v128.bitselect'] };

const encodings: { readonly [K in VectorOp]: Encoding } = {
  add: binary('f32x4.add'),
  subtract: binary('f32x4.sub'),
  multiply: binary('f32x4.mul'),
  divide: binary('f32x4.div'),
  negate: unary('f32x4.neg'),
  abs: unary('f32x4.abs'),
  sqrt: unary('f32x4.sqrt'),
  floor: unary('f32x4.floor'),
  round: unary('f32x4.nearest'),
  // pmax(b, a) = b < a ? a : b and pmin(b, a) = a < b ? a : b: what `maximum(a, b)` and `minimum(a, b)` promise.
  maximum: swapped('f32x4.pmax'),
  minimum: swapped('f32x4.pmin'),
  less: binary('f32x4.lt'),
  lessEqual: binary('f32x4.le'),
  equal: binary('f32x4.eq'),
  select: selection,
  truncate: unary('i32x4.trunc_sat_f32x4_s'),
  toFloat: unary('f32x4.convert_i32x4_s'),
  floatBits: unary(),
  bitsFloat: unary(),
  addInt: binary('i32x4.add'),
  subtractInt: binary('i32x4.sub'),
  multiplyInt: binary('i32x4.mul'),
  maximumInt: binary('i32x4.max_s'),
  minimumInt: binary('i32x4.min_s'),
  lessInt: binary('i32x4.lt_s'),
  lessEqualInt: binary('i32x4.le_s'),
  equalInt: binary('i32x4.eq'),
  and: binary('v128.and'),
  or: binary('v128.or'),
  xor: binary('v128.xor'),
  selectInt: selection,
};

/** The wasm local of a vector value. */
export type Vectors = (local: Local) => WasmLocal;

/** Leaves the result of an operation on the stack. */
export function encodeOperation(writer: FunctionWriter, op: VectorOp, operands: readonly WasmLocal[]): void {
  const { order, instructions } = encodings[op];
  for (const position of order) writer.get(operands[position]!);
  writer.emit(...instructions);
}

/** The four words of a literal. */
export function literalWords(type: 'f32' | 'i32', value: number): readonly [number, number, number, number] {
  const word = type === 'i32' ? value | 0 : new Int32Array(Float32Array.of(value).buffer)[0]!;
  return [word, word, word, word];
}

/** Leaves the loaded vector on the stack. */
export function encodeLoad(
  writer: FunctionWriter,
  load: Extract<Statement, { kind: 'load' }>,
  addresses: readonly Address[],
): void {
  const [first] = addresses as readonly [Address];
  switch (load.mode) {
    case 'vector':
      writer.get(first.pointer);
      writer.memory('v128.load', first.offset);
      return;
    case 'splat':
      writer.get(first.pointer);
      writer.memory('v128.load32_splat', first.offset);
      return;
    case 'gather':
      // A lane load takes its address from below the vector.
      for (const { pointer } of addresses.toReversed()) writer.get(pointer);
      writer.memory('v128.load32_zero', first.offset);
      for (let lane = 1; lane < 4; lane++)
        writer.laneMemory('v128.load32_lane', addresses[lane]!.offset, lane);
  }
}

/** Leaves on the stack the address that lane `lane` of an offset, in elements, makes of a pointer. */
function encodeFurther(writer: FunctionWriter, pointer: WasmLocal, offset: WasmLocal, lane: number): void {
  writer.get(pointer);
  writer.get(offset);
  writer.extractLane(lane);
  writer.constant(2);
  writer.emit('i32.shl', 'i32.add');
}

/** Leaves on the stack the vector that is loaded from where `offset` says. */
export function encodeLoadAt(
  writer: FunctionWriter,
  { mode }: Extract<Statement, { kind: 'loadAt' }>,
  offset: WasmLocal,
  addresses: readonly Address[],
): void {
  const [first] = addresses as readonly [Address];
  if (mode === 'vector') {
    encodeFurther(writer, first.pointer, offset, 0);
    writer.memory('v128.load', first.offset);
    return;
  }
  // A lane load takes its address from below the vector.
  for (let lane = 3; lane >= 0; lane--) encodeFurther(writer, addresses[lane]!.pointer, offset, lane);
  writer.memory('v128.load32_zero', first.offset);
  for (let lane = 1; lane < 4; lane++) writer.laneMemory('v128.load32_lane', addresses[lane]!.offset, lane);
}

/** Stores the vector in `value` to where `offset` says. */
export function encodeStoreAt(
  writer: FunctionWriter,
  store: Extract<Statement, { kind: 'storeAt' }>,
  { value, offset }: { readonly value: WasmLocal; readonly offset: WasmLocal },
  [address]: readonly Address[],
): void {
  const pointer = writer.local('i32');
  encodeFurther(writer, address!.pointer, offset, 0);
  writer.set(pointer);
  encodeStore(writer, { ...store, kind: 'store', mode: 'vector' }, value, [{ ...address!, pointer }]);
}

/** Leaves on the stack, lane by lane, the element of the table behind `base` that the lowest five bits say. */
export function encodeLookup(
  writer: FunctionWriter,
  operand: WasmLocal,
  base: WasmLocal,
  firstElement: number,
): void {
  const offsets = writer.local('v128');
  writer.get(operand);
  writer.constant(2);
  writer.emit('i32x4.shl');
  writer.vectorConstant(literalWords('i32', 4 * (TABLE_SIZE - 1)));
  writer.emit('v128.and');
  writer.set(offsets);
  // A lane load takes its address from below the vector.
  for (let lane = 3; lane >= 0; lane--) {
    writer.get(base);
    writer.get(offsets);
    writer.extractLane(lane);
    writer.emit('i32.add');
  }
  writer.memory('v128.load32_zero', 4 * firstElement);
  for (let lane = 1; lane < 4; lane++) writer.laneMemory('v128.load32_lane', 4 * firstElement, lane);
}

/** Stores the vector in `value`. */
export function encodeStore(
  writer: FunctionWriter,
  store: Extract<Statement, { kind: 'store' }>,
  value: WasmLocal,
  addresses: readonly Address[],
): void {
  const lane = (
    name: 'v128.store32_lane' | 'v128.store64_lane',
    { pointer, offset }: Address,
    position: number,
  ): void => {
    writer.get(pointer);
    writer.get(value);
    writer.laneMemory(name, offset, position);
  };
  if (store.mode === 'scatter') {
    for (const [position, address] of addresses.entries()) lane('v128.store32_lane', address, position);
    return;
  }
  const { pointer, offset } = addresses[0]!;
  if (store.count === 4) {
    writer.get(pointer);
    writer.get(value);
    writer.memory('v128.store', offset);
    return;
  }
  if (store.count >= 2) lane('v128.store64_lane', { pointer, offset }, 0);
  if (store.count % 2 === 1)
    lane('v128.store32_lane', { pointer, offset: offset + 4 * (store.count - 1) }, store.count - 1);
}

/**
 * Leaves the fold of the lanes of `operand` on the stack, in all lanes: lanes 0 and 1 with 2 and 3, then lane 0 with 1.
 * Lane 0 is copied at the end, for a maximum of zeros of both signs depends on the order. A maximum of NaN is NaN.
 */
export function encodeFold(
  writer: FunctionWriter,
  op: 'add' | 'maximum',
  operand: WasmLocal,
  work: WasmLocal,
): void {
  const shuffled = (
    from: WasmLocal,
    lanes: readonly [number, number, number, number],
    to: WasmLocal,
  ): void => {
    writer.get(from);
    writer.get(from);
    writer.shuffle(lanes);
    writer.set(to);
  };
  const half = writer.local('v128');
  const combine = (whole: WasmLocal): void => {
    encodeOperation(writer, op, [whole, half]);
    if (op === 'add') return;
    for (let copy = 0; copy < 3; copy++) writer.get(whole);
    writer.emit('f32x4.eq', 'v128.bitselect');
  };
  shuffled(operand, [2, 3, 2, 3], half);
  combine(operand);
  writer.set(work);
  shuffled(work, [1, 1, 1, 1], half);
  combine(work);
  writer.tee(work);
  writer.get(work);
  writer.shuffle([0, 0, 0, 0]);
}
