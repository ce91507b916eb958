// The kernel language for processors: loops, vector lanes, loads, stores, accumulators. Lowering writes it (through
// builder.ts); native/ prints it as C, wasm/ encodes it. Every value is a vector of `lanes` 32-bit elements.

import { type Int, printInt } from './int.ts';

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
  /** All lanes the launch's own 32-bit word with this number. */
  | { readonly kind: 'word'; readonly target: Local; readonly position: number }
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
   */
  | {
      readonly kind: 'load';
      readonly target: Local;
      readonly type: VectorType;
      readonly buffer: number;
      readonly index: Int;
      readonly mode: 'vector' | 'splat' | 'gather';
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
  /** Says that the cache line at `index` of a buffer will be loaded, or stored, soon. It may lie outside the buffer. */
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
  | { readonly kind: 'if'; readonly index: Int; readonly below: number; readonly body: readonly Statement[] };

/** A kernel: runs once for every value of the variable `chunk`; chunks are independent of one another. */
export type Kernel = {
  readonly name: string;
  readonly lanes: number;
  /** Number of buffer arguments; slot numbers count from 0. The slot `SCRATCH` is private to the running thread. */
  readonly buffers: number;
  /** Number of 32-bit words that a launch hands over. */
  readonly words: number;
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

/** A kernel as text. */
export function printKernel(kernel: Kernel): string {
  const lines: string[] = [];
  const name = (local: Local): string => `v${local}`;
  const visit = (statements: readonly Statement[], indent: string): void => {
    for (const s of statements) lines.push(...printStatement(s, indent, name, visit));
  };
  const printStatement = (
    s: Statement,
    indent: string,
    local: (l: Local) => string,
    nested: (statements: readonly Statement[], indent: string) => void,
  ): string[] => {
    const slot = (buffer: number): string => (buffer === SCRATCH ? 'scratch' : `b${buffer}`);
    switch (s.kind) {
      case 'operation':
        return [`${indent}${local(s.target)} = ${s.op}(${s.operands.map(local).join(', ')})`];
      case 'shift':
        return [
          `${indent}${local(s.target)} = ${local(s.operand)} ${s.direction === 'left' ? '<<' : '>>>'} ${s.bits}`,
        ];
      case 'literal':
        return [`${indent}${local(s.target)} = ${s.value}:${s.type}`];
      case 'scalar':
        return [`${indent}${local(s.target)} = scalar ${s.slot}:${s.type}`];
      case 'word':
        return [`${indent}${local(s.target)} = word ${s.position}`];
      case 'lookup':
        return [`${indent}${local(s.target)} = constants[${s.position} + (${local(s.operand)} & 31)]`];
      case 'index':
        return [`${indent}${local(s.target)} = index ${printInt(s.index)}`];
      case 'load':
        return [`${indent}${local(s.target)} = ${slot(s.buffer)}[${printInt(s.index)}] ${s.mode}:${s.type}`];
      case 'store':
        return [`${indent}${slot(s.buffer)}[${printInt(s.index)}] = ${local(s.value)} ${s.mode} ${s.count}`];
      case 'loadAt': {
        const place = `${printInt(s.index)} + ${local(s.offset)}`;
        return [`${indent}${local(s.target)} = ${slot(s.buffer)}[${place}] ${s.mode}:${s.type}`];
      }
      case 'storeAt': {
        const place = `${printInt(s.index)} + ${local(s.offset)}`;
        return [`${indent}${slot(s.buffer)}[${place}] = ${local(s.value)} vector ${s.count}`];
      }
      case 'prefetch':
        return [`${indent}prefetch ${slot(s.buffer)}[${printInt(s.index)}] ${s.use}`];
      case 'accumulator':
        return [`${indent}var ${local(s.target)} = ${local(s.initial)}`];
      case 'assign':
        return [`${indent}${local(s.accumulator)} := ${local(s.value)}`];
      case 'multiplyAdd':
        return [`${indent}${local(s.accumulator)} += ${local(s.a)} * ${local(s.b)}`];
      case 'fold':
        return [`${indent}${local(s.target)} = fold ${s.op} ${local(s.operand)}`];
      case 'for':
        lines.push(`${indent}for ${s.variable} in ${s.count}`);
        nested(s.body, `${indent}  `);
        return [];
      case 'if':
        lines.push(`${indent}if ${printInt(s.index)} < ${s.below}`);
        nested(s.body, `${indent}  `);
        return [];
    }
  };
  visit(kernel.body, '  ');
  const scratch = kernel.scratch > 0 ? `, scratch ${kernel.scratch}` : '';
  return `kernel ${kernel.name}: ${kernel.chunks} chunks, ${kernel.lanes} lanes, ${kernel.buffers} buffers${scratch}\n${lines.join('\n')}\n`;
}
