// One kernel as one WebAssembly function of vectors of 4 lanes:
//   (buffers, scalars, pushConstants, scratch, chunk): buffers points to the addresses of the buffer arguments, scalars to
//   32-bit values, pushConstants to those of the call with the kernel's constants behind them, scratch to the thread's own
//   memory; all are byte addresses.
// Vector locals become v128 locals, pointers and loop variables i32 locals.

import { assertNever, invariant } from '../base/errors.ts';
import { coefficientOf, type Int, LANE, substitute } from '../kernel/int.ts';
import { type Kernel, type Local, SCRATCH, type Statement } from '../kernel/kernel.ts';
import { type AddressPlan, type ForStatement, type LoopPointers, planAddresses } from './addresses.ts';
import { FunctionWriter, type WasmLocal } from './assembler.ts';
import { encodeInt, type Scope } from './encode-int.ts';
import {
  encodeFold,
  encodeLoad,
  encodeLoadAt,
  encodeLookup,
  encodeOperation,
  encodeStore,
  encodeStoreAt,
  literalWords,
  type Vectors,
} from './encode-vector.ts';

/** Positions of the function's parameters. */
export const parameters = { buffers: 0, scalars: 1, pushConstants: 2, scratch: 3, chunk: 4 } as const;
/** How many there are. */
export const PARAMETER_COUNT = 5;

export type EncodeOptions = {
  /**
   * Uses f32x4.relaxed_madd for `multiplyAdd`: faster where the processor fuses, but then results differ between
   * machines, which the engine otherwise promises they do not.
   */
  readonly relaxed?: boolean;
};

/** What encoding a statement needs to know. */
type Context = {
  readonly writer: FunctionWriter;
  readonly kernel: Kernel;
  readonly plan: AddressPlan;
  readonly vector: Vectors;
  readonly scope: Scope;
  readonly relaxed: boolean;
};

/** The body of the function for `kernel`, with its declarations. */
export function encodeKernel(kernel: Kernel, { relaxed = false }: EncodeOptions = {}): Uint8Array {
  invariant(kernel.lanes === 4, () => `wasm kernel "${kernel.name}" has ${kernel.lanes} lanes, not 4`);
  const writer = new FunctionWriter(PARAMETER_COUNT);
  const vectors = kernel.types.map(() => writer.local('v128'));
  const plan = planAddresses(kernel, () => writer.local('i32'));
  for (const [slot, local] of plan.bases) {
    if (slot === SCRATCH) {
      writer.get(parameters.scratch);
    } else {
      writer.get(parameters.buffers);
      writer.loadInteger(4 * slot);
    }
    writer.set(local);
  }
  const scope: Scope = new Map([['chunk', parameters.chunk]]);
  const context: Context = { writer, kernel, plan, vector: (local) => vectors[local]!, scope, relaxed };
  encodeComputed(context, plan.entry);
  encodeStatements(context, kernel.body);
  return writer.finish();
}

function encodeStatements(context: Context, statements: readonly Statement[]): void {
  for (const statement of statements) encodeStatement(context, statement);
}

function encodeStatement(context: Context, s: Statement): void {
  const { writer, vector, scope } = context;
  switch (s.kind) {
    case 'for':
      encodeFor(context, s);
      break;
    case 'if':
      encodeInt(writer, scope, s.index);
      writer.constant(s.below);
      writer.emit('i32.lt_s');
      writer.when();
      encodeStatements(context, s.body);
      writer.emit('end');
      break;
    case 'ifAny':
      encodeIfAny(context, s);
      break;
    case 'store':
      encodeStore(writer, s, vector(s.value), context.plan.addresses.get(s)!);
      break;
    case 'storeAt':
      encodeStoreAt(
        writer,
        s,
        { value: vector(s.value), offset: vector(s.offset) },
        context.plan.addresses.get(s)!,
      );
      break;
    case 'assign':
      writer.get(vector(s.value));
      writer.set(vector(s.accumulator));
      break;
    case 'prefetch':
      // There is no such instruction.
      break;
    case 'multiplyAdd':
      encodeMultiplyAdd(context, s);
      break;
    default:
      encodeDefinition(context, s);
      writer.set(vector(s.target));
  }
}

/** Leaves on the stack the vector that `s` defines. */
function encodeDefinition(context: Context, s: Extract<Statement, { target: Local }>): void {
  const { writer, vector } = context;
  switch (s.kind) {
    case 'operation':
      encodeOperation(writer, s.op, s.operands.map(vector));
      break;
    case 'shift':
      writer.get(vector(s.operand));
      writer.constant(s.bits);
      writer.emit(s.direction === 'left' ? 'i32x4.shl' : 'i32x4.shr_u');
      break;
    case 'literal':
      writer.vectorConstant(literalWords(s.type, s.value));
      break;
    case 'scalar':
      writer.get(parameters.scalars);
      writer.memory('v128.load32_splat', 4 * s.slot);
      break;
    case 'pushConstant':
      writer.get(parameters.pushConstants);
      writer.memory('v128.load32_splat', 4 * s.position);
      break;
    case 'lookup':
      encodeLookup(
        writer,
        vector(s.operand),
        parameters.pushConstants,
        context.kernel.pushConstants + s.position,
      );
      break;
    case 'index':
      encodeIndex(context, s.index);
      break;
    case 'load':
      encodeLoad(writer, s, context.plan.addresses.get(s)!);
      break;
    case 'loadAt':
      encodeLoadAt(writer, s, vector(s.offset), context.plan.addresses.get(s)!);
      break;
    case 'accumulator':
      writer.get(vector(s.initial));
      break;
    case 'fold':
      encodeFold(writer, s.op, vector(s.operand), vector(s.target));
      break;
    default:
      assertNever(s);
  }
}

function encodeMultiplyAdd(
  { writer, vector, relaxed }: Context,
  s: Extract<Statement, { kind: 'multiplyAdd' }>,
): void {
  if (relaxed) {
    writer.get(vector(s.a));
    writer.get(vector(s.b));
    writer.get(vector(s.accumulator));
    writer.emit('f32x4.relaxed_madd');
  } else {
    writer.get(vector(s.accumulator));
    writer.get(vector(s.a));
    writer.get(vector(s.b));
    writer.emit('f32x4.mul', 'f32x4.add');
  }
  writer.set(vector(s.accumulator));
}

/** Leaves on the stack the vector whose lane l is `index` at lane = l. */
function encodeIndex({ writer, scope }: Context, index: Int): void {
  encodeInt(writer, scope, substitute(index, LANE, 0));
  writer.emit('i32x4.splat');
  const step = coefficientOf(index, LANE);
  if (step === 0) return;
  if (step !== undefined) {
    writer.vectorConstant([0, step, 2 * step, 3 * step]);
    writer.emit('i32x4.add');
    return;
  }
  for (let lane = 1; lane < 4; lane++) {
    encodeInt(writer, scope, substitute(index, LANE, lane));
    writer.replaceLane(lane);
  }
}

/** No copies of the body are written out: V8 unrolls small innermost loops itself, and was faster left to it. */
function encodeFor(context: Context, loop: ForStatement): void {
  if (loop.count <= 0) return;
  const { writer, plan } = context;
  const pointers = plan.loops.get(loop)!;
  for (const { pointer, from } of pointers.copies) {
    writer.get(from);
    writer.set(pointer);
  }
  const counter = writer.local('i32');
  const inner = { ...context, scope: new Map([...context.scope, [loop.variable, counter] as const]) };
  if (loop.count === 1) {
    encodeComputed(inner, pointers);
    encodeStatements(inner, loop.body);
    return;
  }
  writer.constant(0);
  writer.set(counter);
  const goOn = (depth: number): void => {
    for (const { pointer, bytes } of pointers.steps) increment(writer, pointer, bytes);
    increment(writer, counter, 1);
    writer.get(counter);
    writer.constant(loop.count);
    writer.emit('i32.lt_s');
    writer.branchIf(depth);
  };
  writer.loop();
  encodeComputed(inner, pointers);
  const last = loop.body.at(-1);
  if (last?.kind === 'ifAny' && last.endsLoop) {
    // The loop goes on from within the condition alone.
    encodeStatements(inner, loop.body.slice(0, -1));
    encodeIfAny(inner, last, () => goOn(1));
  } else {
    encodeStatements(inner, loop.body);
    goOn(0);
  }
  writer.emit('end');
}

function encodeIfAny(
  context: Context,
  { mask, body }: Extract<Statement, { kind: 'ifAny' }>,
  then: () => void = () => {},
): void {
  const { writer, vector } = context;
  writer.get(vector(mask));
  writer.emit('v128.any_true');
  writer.when();
  encodeStatements(context, body);
  then();
  writer.emit('end');
}

function increment(writer: FunctionWriter, local: WasmLocal, by: number): void {
  writer.get(local);
  writer.constant(by);
  writer.emit('i32.add');
  writer.set(local);
}

function encodeComputed({ writer, scope }: Context, { computed }: LoopPointers): void {
  for (const { pointer, from, index } of computed) {
    encodeInt(writer, scope, index);
    writer.constant(2);
    writer.emit('i32.shl');
    writer.get(from);
    writer.emit('i32.add');
    writer.set(pointer);
  }
}
