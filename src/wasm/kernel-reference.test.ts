// The kernel language evaluated directly in JavaScript: what encode-kernel.test.ts compares with. Named as a test so
// that it is not shipped.

import { type Int, LANE } from '../kernel/int.ts';
import { type Kernel, type Local, SCRATCH, type Statement, type VectorOp } from '../kernel/kernel.ts';

/** What a kernel is run on; buffers are written. */
export type Arguments = {
  readonly buffers: readonly Int32Array[];
  readonly scalars?: readonly number[];
  readonly pushConstants?: readonly number[];
};

type Variables = ReadonlyMap<string, number>;

/** The words as 32-bit floats, and floats as words. */
export const floats = (words: Int32Array): Float32Array =>
  new Float32Array(words.buffer, words.byteOffset, words.length);
export const fromFloats = (values: ArrayLike<number>): Int32Array =>
  new Int32Array(Float32Array.from(values).buffer);

function evaluate(x: Int, variables: Variables): number {
  return x.terms.reduce((total, { atom, coefficient }) => {
    if (atom.kind === 'variable') return total + coefficient * variables.get(atom.name)!;
    const of = evaluate(atom.of, variables);
    return total + coefficient * (atom.kind === 'div' ? Math.floor(of / atom.by) : of % atom.by);
  }, x.constant);
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const isTie = x - low === 0.5;
  const rounded = isTie ? low + (Math.abs(low) % 2) : Math.floor(x + 0.5);
  return Math.abs(x) >= 2 ** 23 || Number.isNaN(x)
    ? x
    : rounded === 0 && (x < 0 || Object.is(x, -0))
      ? -0
      : rounded;
}

const floatRules: { readonly [op: string]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  negate: (a) => -a,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  round: roundToEven,
  maximum: (a, b) => (a > b ? a : b),
  minimum: (a, b) => (a < b ? a : b),
};

const comparisonRules: { readonly [op: string]: (a: number, b: number) => boolean } = {
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  equal: (a, b) => a === b,
};

const integerRules: { readonly [op: string]: (a: number, b: number, c: number) => number } = {
  select: (mask, a, b) => (mask !== 0 ? a : b),
  selectInt: (mask, a, b) => (mask !== 0 ? a : b),
  floatBits: (a) => a,
  bitsFloat: (a) => a,
  addInt: (a, b) => a + b,
  subtractInt: (a, b) => a - b,
  multiplyInt: Math.imul,
  maximumInt: (a, b) => Math.max(a, b),
  minimumInt: (a, b) => Math.min(a, b),
  lessInt: (a, b) => -Number(a < b),
  lessEqualInt: (a, b) => -Number(a <= b),
  equalInt: (a, b) => -Number(a === b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};

function evaluateOperation(op: VectorOp, operands: readonly Int32Array[]): Int32Array {
  const lanes = [0, 1, 2, 3];
  const asFloats = operands.map(floats);
  if (op === 'truncate') return Int32Array.from(asFloats[0]!, Math.trunc);
  if (op === 'toFloat') return fromFloats(operands[0]!);
  if (op in floatRules)
    return fromFloats(lanes.map((l) => floatRules[op]!(asFloats[0]![l]!, asFloats[1]?.[l] ?? 0)));
  if (op in comparisonRules) {
    return Int32Array.from(lanes, (l) => -Number(comparisonRules[op]!(asFloats[0]![l]!, asFloats[1]![l]!)));
  }
  const at = (position: number, lane: number): number => operands[position]?.[lane] ?? 0;
  return Int32Array.from(lanes, (l) => integerRules[op]!(at(0, l), at(1, l), at(2, l)));
}

/** Runs every chunk of `kernel`. */
export function interpret(kernel: Kernel, { buffers, scalars = [], pushConstants = [] }: Arguments): void {
  const values = new Map<Local, Int32Array>();
  const scratch = new Int32Array(kernel.scratch + 64);
  const value = (local: Local): Int32Array => values.get(local)!;
  const isAnySet = (mask: Local): boolean => value(mask).some((word) => word !== 0);
  const buffer = (slot: number): Int32Array => (slot === SCRATCH ? scratch : buffers[slot]!);
  const lanesOf = (rule: (lane: number) => number): Int32Array => Int32Array.from([0, 1, 2, 3], rule);
  const run = (statements: readonly Statement[], variables: Variables): void => {
    const at = (index: Int, lane: number): number => evaluate(index, new Map([...variables, [LANE, lane]]));
    for (const s of statements) {
      switch (s.kind) {
        case 'for':
          for (let i = 0; i < s.count; i++) {
            run(s.body, new Map([...variables, [s.variable, i]]));
            const last = s.body.at(-1);
            if (last?.kind === 'ifAny' && last.endsLoop && !isAnySet(last.mask)) break;
          }
          break;
        case 'if':
          if (at(s.index, 0) < s.below) run(s.body, variables);
          break;
        case 'ifAny':
          if (isAnySet(s.mask)) run(s.body, variables);
          break;
        case 'operation':
          values.set(s.target, evaluateOperation(s.op, s.operands.map(value)));
          break;
        case 'shift':
          values.set(
            s.target,
            value(s.operand).map((x) => (s.direction === 'left' ? x << s.bits : x >>> s.bits)),
          );
          break;
        case 'literal':
          values.set(s.target, s.type === 'f32' ? fromFloats(lanesFilled(s.value)) : lanesOf(() => s.value));
          break;
        case 'scalar':
          values.set(
            s.target,
            lanesOf(() => scalars[s.slot]!),
          );
          break;
        case 'pushConstant':
          values.set(
            s.target,
            lanesOf(() => pushConstants[s.position]!),
          );
          break;
        case 'lookup': {
          const table = fromFloats(kernel.constants.slice(s.position, s.position + 32));
          values.set(
            s.target,
            value(s.operand).map((at) => table[at & 31]!),
          );
          break;
        }
        case 'index':
          values.set(
            s.target,
            lanesOf((lane) => at(s.index, lane)),
          );
          break;
        case 'load': {
          const from = buffer(s.buffer);
          const step = s.mode === 'vector' ? 1 : 0;
          values.set(
            s.target,
            lanesOf((l) => from[at(s.index, s.mode === 'gather' ? l : 0) + step * l]!),
          );
          break;
        }
        case 'loadAt': {
          const from = buffer(s.buffer);
          const offsets = value(s.offset);
          values.set(
            s.target,
            lanesOf((l) =>
              s.mode === 'gather'
                ? from[at(s.index, l) + offsets[l]!]!
                : from[at(s.index, 0) + offsets[0]! + l]!,
            ),
          );
          break;
        }
        case 'storeAt':
          for (let l = 0; l < s.count; l++)
            buffer(s.buffer)[at(s.index, 0) + value(s.offset)[0]! + l] = value(s.value)[l]!;
          break;
        case 'store':
          for (let l = 0; l < s.count; l++) {
            const place = s.mode === 'vector' ? at(s.index, 0) + l : at(s.index, l);
            buffer(s.buffer)[place] = value(s.value)[l]!;
          }
          break;
        case 'accumulator':
          values.set(s.target, value(s.initial).slice());
          break;
        case 'assign':
          values.set(s.accumulator, value(s.value).slice());
          break;
        case 'multiplyAdd': {
          const product = evaluateOperation('multiply', [value(s.a), value(s.b)]);
          values.set(s.accumulator, evaluateOperation('add', [value(s.accumulator), product]));
          break;
        }
        case 'fold': {
          const combine = (all: Int32Array, other: Int32Array): Int32Array => {
            const next = evaluateOperation(s.op, [all, other]);
            const broken = evaluateOperation('equal', [all, all]).map((mask) => ~mask);
            return s.op === 'add' ? next : next.map((word, l) => (broken[l] === 0 ? word : all[l]!));
          };
          const half = combine(
            value(s.operand),
            value(s.operand).map((_, l, x) => x[(l + 2) % 4]!),
          );
          const whole = combine(
            half,
            half.map((_, l, x) => x[(l + 1) % 4]!),
          );
          values.set(
            s.target,
            lanesOf(() => whole[0]!),
          );
          break;
        }
      }
    }
  };
  for (let chunk = 0; chunk < kernel.chunks; chunk++) run(kernel.body, new Map([['chunk', chunk]]));
}

const lanesFilled = (value: number): number[] => [value, value, value, value];
