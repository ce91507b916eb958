// The kernel language for processors: loops, vector lanes, loads, stores, accumulators. Lowering writes it (through
// builder.ts); native/ prints it as C, wasm/ encodes it; print.ts writes it for people, verify.ts checks it. Every value is a vector of `lanes` 32-bit elements.

import type { Int } from './int.ts';

/** Element type of a vector; a mask is an i32 vector of 0 and −1. */
export type VectorType = 'f32' | 'i32';

/** Name of a vector value within a kernel. */
export type Local = number;

/** Operations on vectors of equal lanes. Result types stand in `resultTypes`. */
export type VectorOp =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'negate'
  | 'abs'
  | 'sqrt'
  | 'floor'
  /** To nearest, ties to even. */
  | 'round'
  /** a > b ? a : b */
  | 'maximum'
  /** a < b ? a : b */
  | 'minimum'
  | 'less'
  | 'lessEqual'
  | 'equal'
  /** select(mask, a, b) */
  | 'select'
  /** f32 → i32, towards zero; values outside the i32 range are not used. */
  | 'truncate'
  /** i32 → f32 */
  | 'toFloat'
  /** Reinterpretation of the bits. */
  | 'floatBits'
  | 'bitsFloat'
  | 'addInt'
  | 'subtractInt'
  | 'multiplyInt'
  | 'maximumInt'
  | 'minimumInt'
  | 'lessInt'
  | 'lessEqualInt'
  | 'equalInt'
  | 'and'
  | 'or'
  | 'xor'
  | 'selectInt';

/** Element type of each operation's result. */
export const resultTypes: { readonly [K in VectorOp]: VectorType } = {
  add: 'f32',
  subtract: 'f32',
  multiply: 'f32',
  divide: 'f32',
  negate: 'f32',
  abs: 'f32',
  sqrt: 'f32',
  floor: 'f32',
  round: 'f32',
  maximum: 'f32',
  minimum: 'f32',
  less: 'i32',
  lessEqual: 'i32',
  equal: 'i32',
  select: 'f32',
  truncate: 'i32',
  toFloat: 'f32',
  floatBits: 'i32',
  bitsFloat: 'f32',
  addInt: 'i32',
  subtractInt: 'i32',
  multiplyInt: 'i32',
  maximumInt: 'i32',
  minimumInt: 'i32',
  lessInt: 'i32',
  lessEqualInt: 'i32',
  equalInt: 'i32',
  and: 'i32',
  or: 'i32',
  xor: 'i32',
  selectInt: 'i32',
};

/** Element types of each operation's operands. */
export const operandTypes: { readonly [K in VectorOp]: readonly VectorType[] } = {
  add: ['f32', 'f32'],
  subtract: ['f32', 'f32'],
  multiply: ['f32', 'f32'],
  divide: ['f32', 'f32'],
  negate: ['f32'],
  abs: ['f32'],
  sqrt: ['f32'],
  floor: ['f32'],
  round: ['f32'],
  maximum: ['f32', 'f32'],
  minimum: ['f32', 'f32'],
  less: ['f32', 'f32'],
  lessEqual: ['f32', 'f32'],
  equal: ['f32', 'f32'],
  select: ['i32', 'f32', 'f32'],
  truncate: ['f32'],
  toFloat: ['i32'],
  floatBits: ['f32'],
  bitsFloat: ['i32'],
  addInt: ['i32', 'i32'],
  subtractInt: ['i32', 'i32'],
  multiplyInt: ['i32', 'i32'],
  maximumInt: ['i32', 'i32'],
  minimumInt: ['i32', 'i32'],
  lessInt: ['i32', 'i32'],
  lessEqualInt: ['i32', 'i32'],
  equalInt: ['i32', 'i32'],
  and: ['i32', 'i32'],
  or: ['i32', 'i32'],
  xor: ['i32', 'i32'],
  selectInt: ['i32', 'i32', 'i32'],
};

/** A statement. `target` names the vector it defines; each name is defined once, before its uses. */
export type Statement =
  | {
      readonly kind: 'operation';
      readonly target: Local;
      readonly op: VectorOp;
      readonly operands: readonly Local[];
    }
  /** Shifts by a fixed number of bits; `right` is logical. */
  | {
      readonly kind: 'shift';
      readonly target: Local;
      readonly direction: 'left' | 'right';
      readonly operand: Local;
      readonly bits: number;
    }
  /** All lanes the same number; an i32 literal may be given as any 32-bit integer. */
  | { readonly kind: 'literal'; readonly target: Local; readonly type: VectorType; readonly value: number }
  /** All lanes the runtime scalar in this slot. */
  | { readonly kind: 'scalar'; readonly target: Local; readonly type: VectorType; readonly slot: number }
  /** All lanes the call's push constant with this number. */
  | { readonly kind: 'pushConstant'; readonly target: Local; readonly position: number }
  /** Lane l holds the kernel's constant number `position` + (the lowest five bits of the operand's lane l). */
  | {
      readonly kind: 'lookup';
      readonly target: Local;
      readonly position: number;
      readonly operand: Local;
    }
  /** Lane l holds the integer `index` with the variable `lane` = l. */
  | { readonly kind: 'index'; readonly target: Local; readonly index: Int }
  /**
   * From buffer slot `buffer`, in elements. `vector`: consecutive elements from `index`; `splat`: one element in all
   * lanes; `gather`: lane l from `index` with `lane` = l. Vector loads may run past the end into padding.
   *
   * A load reads what its buffer held when the chunk began: no store to the element comes before it, so it may stand
   * anywhere its operands are known. A fixed load, as every load of scratch is, reads what the chunk has stored there.
   */
  | {
      readonly kind: 'load';
      readonly target: Local;
      readonly type: VectorType;
      readonly buffer: number;
      readonly index: Int;
      readonly mode: 'vector' | 'splat' | 'gather';
      readonly isFixed?: true;
    }
  /** The first `count` lanes to consecutive elements (`vector`), or lane l to `index` with `lane` = l (`scatter`). */
  | {
      readonly kind: 'store';
      readonly buffer: number;
      readonly index: Int;
      readonly value: Local;
      readonly mode: 'vector' | 'scatter';
      readonly count: number;
    }
  /**
   * A load from an element that data decide: as `load`, `offset` elements further on, in mode `vector` those of lane 0,
   * in mode `gather` each lane's own. Offsets are from 0 to `reach`.
   */
  | {
      readonly kind: 'loadAt';
      readonly target: Local;
      readonly type: VectorType;
      readonly buffer: number;
      readonly index: Int;
      readonly offset: Local;
      readonly reach: number;
      readonly mode: 'vector' | 'gather';
      readonly isFixed?: true;
    }
  /** The first `count` lanes to consecutive elements from `index` on, and as many further on as lane 0 of `offset` says. */
  | {
      readonly kind: 'storeAt';
      readonly buffer: number;
      readonly index: Int;
      readonly offset: Local;
      readonly reach: number;
      readonly value: Local;
      readonly count: number;
    }
  /** Prefetches the cache line at `index` of a buffer, for a load or a store. It may lie outside the buffer. */
  | {
      readonly kind: 'prefetch';
      readonly buffer: number;
      readonly index: Int;
      readonly use: 'load' | 'store';
    }
  /** A variable vector that statements below may change. */
  | {
      readonly kind: 'accumulator';
      readonly target: Local;
      readonly type: VectorType;
      readonly initial: Local;
    }
  | { readonly kind: 'assign'; readonly accumulator: Local; readonly value: Local }
  /** accumulator += a · b, fused where the machine can. */
  | { readonly kind: 'multiplyAdd'; readonly accumulator: Local; readonly a: Local; readonly b: Local }
  /** All lanes the sum or maximum over the lanes of `operand`, folded by halves: lane l with lane l + lanes/2, …; NaN stays. */
  | { readonly kind: 'fold'; readonly target: Local; readonly op: 'add' | 'maximum'; readonly operand: Local }
  /** `variable` runs from 0 to count − 1. */
  | {
      readonly kind: 'for';
      readonly variable: string;
      readonly count: number;
      readonly body: readonly Statement[];
    }
  /** Runs `body` where `index` < `below`. */
  | { readonly kind: 'if'; readonly index: Int; readonly below: number; readonly body: readonly Statement[] }
  /**
   * Runs `body`, for all lanes, if any lane of the mask is set. `endsLoop`: otherwise the loop whose body ends with this
   * statement ends; then no later iteration may set a lane.
   */
  | {
      readonly kind: 'ifAny';
      readonly mask: Local;
      readonly body: readonly Statement[];
      readonly endsLoop?: true;
    };

/** A kernel: runs once for every value of the variable `chunk`; chunks are independent of one another. */
export type Kernel = {
  readonly name: string;
  readonly lanes: number;
  /** Number of buffer arguments; slot numbers count from 0. The slot `SCRATCH` is private to the running thread. */
  readonly buffers: number;
  /** Number of push constants: 32-bit words that each call of the kernel brings along. */
  readonly pushConstants: number;
  /** f32 numbers that lookups choose from: tables of `TABLE_SIZE`, one after another. */
  readonly constants: readonly number[];
  /** Elements of private scratch memory; its content is undefined at the start of a chunk. */
  readonly scratch: number;
  readonly chunks: number;
  readonly types: readonly VectorType[];
  readonly body: readonly Statement[];
};

/** Numbers in a table that is looked up. */
export const TABLE_SIZE = 32;

/** Buffer slot of the thread's own scratch memory. */
export const SCRATCH = -1;

/** The values that a statement uses, but for the accumulator that it changes. */
export function operandsOf(statement: Statement): readonly Local[] {
  switch (statement.kind) {
    case 'operation':
      return statement.operands;
    case 'shift':
    case 'lookup':
    case 'fold':
      return [statement.operand];
    case 'store':
    case 'assign':
      return [statement.value];
    case 'loadAt':
      return [statement.offset];
    case 'storeAt':
      return [statement.offset, statement.value];
    case 'accumulator':
      return [statement.initial];
    case 'multiplyAdd':
      return [statement.a, statement.b];
    case 'ifAny':
      return [statement.mask];
    default:
      return [];
  }
}
