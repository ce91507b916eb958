// Writes kernels: numbers the locals, shares equal values, and puts every value into the outermost loop in which its
// operands are known, so that lowering can be written naively and inner loops hold only what varies in them.

import { invariant } from '../base/errors.ts';
import type { Access, Guard, Loop } from './access.ts';
import {
  coefficientOf,
  type Int,
  intKey,
  LANE,
  printInt,
  range,
  substitute,
  variable,
  variablesOf,
} from './int.ts';
import {
  type Kernel,
  type Local,
  operandsOf,
  resultTypes,
  SCRATCH,
  type Statement,
  TABLE_SIZE,
  type VectorOp,
  type VectorType,
} from './kernel.ts';
import { hoistedOverStores } from './verify-memory.ts';

/** Parts that are interleaved at a time: their values must find room in registers. */
export const INTERLEAVED = 8;

/** How much further on data say that an access lies: an i32 vector of 0 … reach, whether or not in all lanes the same. */
export type Offset = { readonly by: Local; readonly reach: number; readonly isUniform: boolean };

type Block = {
  readonly statements: Statement[];
  readonly known: Map<string, Local>;
  readonly guarded: boolean;
  /** The mask, for the body of `ifAny`. */
  readonly mask: Local | undefined;
  /** What `shared` made in this block. */
  readonly shared: Map<string, readonly Local[]>;
  readonly loops: readonly Loop[];
  readonly guards: readonly Guard[];
};

/** Writes one kernel. Methods that make a value return its local. */
export class KernelBuilder {
  readonly lanes: number;
  private readonly types: VectorType[] = [];
  private readonly levels: number[] = [];
  private readonly mutable = new Set<Local>();
  private readonly blocks: Block[] = [
    {
      statements: [],
      known: new Map(),
      guarded: false,
      mask: undefined,
      shared: new Map(),
      loops: [],
      guards: [],
    },
  ];
  /** Loads and stores of buffers in the order in which they are asked for, before anything is moved or shared. */
  private readonly asked: Omit<Access, 'order'>[] = [];
  private readonly variableLevels = new Map<string, number>([
    ['chunk', 0],
    [LANE, 0],
  ]);
  private variables = 0;
  private scratchElements = 0;
  private readonly tables = new Map<readonly number[], number>();

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  /** The kernel written so far. */
  finish(parts: Pick<Kernel, 'name' | 'buffers' | 'pushConstants' | 'chunks'>): Kernel {
    invariant(this.blocks.length === 1, 'kernel finished inside a loop');
    const { name, buffers, pushConstants, chunks } = parts;
    this.checkLoads(name);
    return {
      name,
      lanes: this.lanes,
      buffers,
      pushConstants,
      constants: [...this.tables.keys()].flat(),
      scratch: this.scratchElements,
      chunks,
      types: this.types,
      body: this.blocks[0]!.statements,
    };
  }

  /** Reserves scratch memory (with a vector of slack) and returns its first element's index. */
  reserve(elements: number): number {
    const start = this.scratchElements;
    this.scratchElements += Math.ceil((elements + this.lanes) / 16) * 16;
    return start;
  }

  /** A loop over 0 … count − 1; no loop for a count of 1. */
  loop(count: number, body: (i: Int) => void, hint = 'i'): void {
    if (count <= 0) return;
    if (count === 1) {
      body(variable('', 1));
      return;
    }
    const name = `${hint}_${this.variables++}`;
    const statements = this.nested(() => body(variable(name, count)), { loop: { variable: name, count } });
    this.current().statements.push({ kind: 'for', variable: name, count, body: statements });
  }

  /** Runs `body` only where index < below; nothing is tested where that always holds, or never. */
  guard(index: Int, below: number, body: () => void): void {
    const [least, most] = range(index);
    if (least >= below) return;
    if (most < below) {
      body();
      return;
    }
    const statements = this.nested(body, { guard: { index, below } });
    this.current().statements.push({ kind: 'if', index, below, body: statements });
  }

  /**
   * Runs `body`, for all lanes, only if any lane of the mask is set. What is first asked for in it is computed in it, unless
   * it does not change in the loop around it. Inside the body of the same mask nothing is tested again.
   *
   * @param endsLoop true at the end of the body of a loop whose later iterations set no lane once none is set
   */
  ifAny(mask: Local, body: () => void, { endsLoop = false }: { readonly endsLoop?: boolean } = {}): void {
    if (this.blocks.some((block) => block.mask === mask)) {
      body();
      return;
    }
    const statements = this.nested(body, { mask });
    this.current().statements.push({
      kind: 'ifAny',
      mask,
      body: statements,
      ...(endsLoop && { endsLoop }),
    });
  }

  /**
   * Writes parts that do not depend on one another, interleaved statement by statement, so that a processor with a
   * limited window of instructions finds independent work while it waits for a result.
   *
   * @throws InternalError if a part changes an accumulator, holds a loop or a guard, or loads what another one stores
   */
  interleaved<T>(parts: readonly (() => T)[]): T[] {
    const { statements } = this.current();
    const lists: Statement[][] = [];
    const results = parts.map((part) => {
      const start = statements.length;
      const result = part();
      lists.push(statements.splice(start));
      return result;
    });
    checkIndependence(lists);
    for (let first = 0; first < lists.length; first += INTERLEAVED)
      for (const statement of interleave(lists.slice(first, first + INTERLEAVED))) statements.push(statement);
    return results;
  }

  /** An operation; of an accumulator it takes the value that it has at this point of the program. */
  operation(op: VectorOp, ...operands: readonly Local[]): Local {
    if (operands.some((operand) => this.mutable.has(operand))) {
      return this.pinned(resultTypes[op], (target) => ({ kind: 'operation', target, op, operands }));
    }
    const key = `${op} ${operands.join(' ')}`;
    return this.pure(key, resultTypes[op], this.levelOf(operands), (target) => ({
      kind: 'operation',
      target,
      op,
      operands,
    }));
  }

  shift(direction: 'left' | 'right', operand: Local, bits: number): Local {
    const make = (target: Local): Statement => ({ kind: 'shift', target, direction, operand, bits });
    return this.pure(`${direction} ${bits} ${operand}`, 'i32', this.levelOf([operand]), make);
  }

  /** All lanes `value`, rounded to the type; −0 as its bits, since printing loses its sign. */
  literal(value: number, type: VectorType = 'f32'): Local {
    if (type === 'f32' && Object.is(Math.fround(value), -0))
      return this.operation('bitsFloat', this.literal(-(2 ** 31), 'i32'));
    const rounded = type === 'f32' ? Math.fround(value) : value | 0;
    return this.pure(`${type} ${rounded}`, type, 0, (target) => ({
      kind: 'literal',
      target,
      type,
      value: rounded,
    }));
  }

  scalar(slot: number, type: VectorType): Local {
    return this.pure(`scalar ${slot} ${type}`, type, 0, (target) => ({ kind: 'scalar', target, type, slot }));
  }

  pushConstant(position: number): Local {
    const make = (target: Local): Statement => ({ kind: 'pushConstant', target, position });
    return this.pure(`pushConstant ${position}`, 'i32', 0, make);
  }

  /** Lane by lane, the number of `table` that the lowest five bits of the operand say. */
  lookup(table: readonly number[], operand: Local): Local {
    invariant(table.length === TABLE_SIZE, () => `a table has ${TABLE_SIZE} numbers, not ${table.length}`);
    const position = this.tables.get(table) ?? this.tables.size * TABLE_SIZE;
    this.tables.set(table, position);
    const make = (target: Local): Statement => ({ kind: 'lookup', target, position, operand });
    return this.pure(`lookup ${position} ${operand}`, 'f32', this.levelOf([operand]), make);
  }

  /** The integers of `index`, lane by lane. */
  index(index: Int): Local {
    return this.pure(`index ${intKey(index)}`, 'i32', this.levelOfInt(index), (target) => ({
      kind: 'index',
      target,
      index,
    }));
  }

  /**
   * Loads lane l from `index` with lane = l; the mode follows from how the index depends on the lane. Of a buffer, it is
   * what the buffer held when the chunk began, since the load may be moved up and shared: `finish` throws an
   * InternalError where a store to the element may come before it.
   */
  load(buffer: number, index: Int, type: VectorType = 'f32'): Local {
    const step = coefficientOf(index, LANE);
    const mode = step === 0 ? 'splat' : step === 1 ? 'vector' : 'gather';
    // A vector load's address is that of lane 0.
    const address = mode === 'vector' ? substitute(index, LANE, 0) : index;
    const make = (target: Local): Statement => ({ kind: 'load', target, type, buffer, index: address, mode });
    if (buffer === SCRATCH) return this.pinned(type, make);
    this.ask({
      kind: 'load',
      buffer,
      index: address,
      width: mode === 'vector' ? this.lanes : 1,
      lanes: this.lanes,
    });
    const level = this.levelOfInt(index);
    const guards = this.blocks.findLastIndex((block) => block.guarded);
    return this.pure(
      `load ${buffer} ${mode} ${type} ${intKey(address)}`,
      type,
      level === 0 ? 0 : Math.max(level, guards),
      make,
    );
  }

  /** Loads a vector of what this chunk has stored to a buffer: exactly here, never shared. */
  loadHere(buffer: number, index: Int): Local {
    const address = substitute(index, LANE, 0);
    return this.pinned('f32', (target) => ({
      kind: 'load',
      target,
      type: 'f32',
      buffer,
      index: address,
      mode: 'vector',
      isFixed: true,
    }));
  }

  /**
   * Loads `offset.by` elements behind `index`, for all lanes the same if `offset.isUniform`: then as few elements as
   * the index allows, otherwise each lane's own. The buffer is none that this kernel writes.
   */
  loadAt(buffer: number, index: Int, offset: Offset, type: VectorType = 'f32'): Local {
    const isVector = offset.isUniform && coefficientOf(index, LANE) === 1;
    const [mode, address] = isVector
      ? (['vector', substitute(index, LANE, 0)] as const)
      : (['gather', index] as const);
    const { by, reach } = offset;
    const width = mode === 'vector' ? this.lanes : 1;
    this.ask({ kind: 'load', buffer, index: address, reach, width, lanes: this.lanes });
    const guards = this.blocks.findLastIndex((block) => block.guarded);
    const level = Math.max(this.levelOfInt(index), this.levelOf([by]));
    return this.pure(
      `loadAt ${buffer} ${mode} ${type} ${intKey(address)} ${by}`,
      type,
      level === 0 ? 0 : Math.max(level, guards),
      (target) => ({ kind: 'loadAt', target, type, buffer, index: address, offset: by, reach, mode }),
    );
  }

  /** Loads a vector from a buffer that this kernel writes, as many elements further on as lane 0 of the offset says. */
  loadHereAt(buffer: number, index: Int, { by, reach }: Offset): Local {
    const address = substitute(index, LANE, 0);
    return this.pinned('f32', (target) => ({
      kind: 'loadAt',
      target,
      type: 'f32',
      buffer,
      index: address,
      offset: by,
      reach,
      mode: 'vector',
      isFixed: true,
    }));
  }

  /** Stores the first `count` lanes, as many elements further on as lane 0 of the offset says. */
  storeAt(buffer: number, index: Int, { by, reach }: Offset, value: Local, count: number): void {
    const address = substitute(index, LANE, 0);
    this.ask({ kind: 'store', buffer, index: address, reach, width: count, lanes: count });
    this.current().statements.push({
      kind: 'storeAt',
      buffer,
      index: address,
      offset: by,
      reach,
      value,
      count,
    });
  }

  /** Stores the first `count` lanes; lane l goes to `index` with lane = l. */
  store(buffer: number, index: Int, value: Local, count: number = this.lanes): void {
    const step = coefficientOf(index, LANE);
    const isVector = step === 1 || count === 1;
    const address = isVector ? substitute(index, LANE, 0) : index;
    this.ask({ kind: 'store', buffer, index: address, width: isVector ? count : 1, lanes: count });
    this.current().statements.push({
      kind: 'store',
      buffer,
      index: address,
      value,
      mode: isVector ? 'vector' : 'scatter',
      count,
    });
  }

  /** Prefetches the cache line at `index`, for a load or a store. */
  prefetch(buffer: number, index: Int, use: 'load' | 'store'): void {
    this.current().statements.push({ kind: 'prefetch', buffer, index, use });
  }

  /** A variable that starts as `initial`. */
  accumulator(initial: Local): Local {
    const type = this.types[initial]!;
    const target = this.pinned(type, (t) => ({ kind: 'accumulator', target: t, type, initial }));
    this.mutable.add(target);
    return target;
  }

  assign(accumulator: Local, value: Local): void {
    this.current().statements.push({ kind: 'assign', accumulator, value });
  }

  multiplyAdd(accumulator: Local, a: Local, b: Local): void {
    this.current().statements.push({ kind: 'multiplyAdd', accumulator, a, b });
  }

  /** The value of an accumulator at this point of the program, which later changes of the accumulator leave alone. */
  valueOf(accumulator: Local): Local {
    // There and back between the types of its bits: both are free.
    return this.types[accumulator] === 'f32'
      ? this.operation('bitsFloat', this.operation('floatBits', accumulator))
      : this.operation('floatBits', this.operation('bitsFloat', accumulator));
  }

  /** Element type of a value. */
  typeOf(local: Local): VectorType {
    return this.types[local]!;
  }

  /** The values that `make` makes, once for each `key` in this block and the blocks inside it. */
  shared(key: string, make: () => readonly Local[]): readonly Local[] {
    for (const block of this.blocks) {
      const made = block.shared.get(key);
      if (made !== undefined) return made;
    }
    const made = make();
    this.current().shared.set(key, made);
    return made;
  }

  fold(op: 'add' | 'maximum', operand: Local): Local {
    return this.pinned('f32', (target) => ({ kind: 'fold', target, op, operand }));
  }

  private current(): Block {
    return this.blocks[this.blocks.length - 1]!;
  }

  private ask(access: Omit<Access, 'order' | 'loops' | 'guards'>): void {
    if (access.buffer === SCRATCH) return;
    const { loops, guards } = this.current();
    this.asked.push({ ...access, loops, guards });
  }

  /** Loads that were asked for after a store to their element would read it too early once they are moved. */
  private checkLoads(name: string): void {
    const stored = new Set(this.asked.filter(({ kind }) => kind === 'store').map(({ buffer }) => buffer));
    const loaded = this.asked.filter(({ kind, buffer }) => kind === 'load' && stored.has(buffer));
    if (loaded.length === 0) return;
    const both = new Set(loaded.map(({ buffer }) => buffer));
    const accesses = this.asked
      .map((access, order) => ({ ...access, order }))
      .filter(({ buffer }) => both.has(buffer));
    const [fault] = hoistedOverStores(accesses);
    invariant(
      fault === undefined,
      () =>
        `kernel ${name} stores b${fault!.store.buffer}[${printInt(fault!.store.index)}] before it loads b${fault!.load.buffer}[${printInt(fault!.load.index)}]; use loadHere`,
    );
  }

  /** The statements of a loop, of a guard, or of a body that runs if any lane of a mask is set. */
  private nested(
    body: () => void,
    { loop, guard, mask }: { readonly loop?: Loop; readonly guard?: Guard; readonly mask?: Local },
  ): Statement[] {
    const { loops, guards } = this.current();
    const block: Block = {
      statements: [],
      known: new Map(),
      guarded: guard !== undefined,
      mask,
      shared: new Map(),
      loops: loop === undefined ? loops : [...loops, loop],
      guards: guard === undefined ? guards : [...guards, guard],
    };
    this.blocks.push(block);
    if (loop !== undefined) this.variableLevels.set(loop.variable, this.blocks.length - 1);
    body();
    this.blocks.pop();
    return block.statements;
  }

  /** A value without effects: looked up, or written into the block at `level`, or into a conditional one directly inside. */
  private pure(key: string, type: VectorType, level: number, make: (target: Local) => Statement): Local {
    let at = level;
    for (;;) {
      const known = this.blocks[at]!.known.get(key);
      if (known !== undefined) return known;
      if (this.blocks[at + 1]?.mask === undefined) break;
      at++;
    }
    const target = this.define(type, at);
    this.blocks[at]!.statements.push(make(target));
    this.blocks[at]!.known.set(key, target);
    return target;
  }

  /** A value that belongs exactly here. */
  private pinned(type: VectorType, make: (target: Local) => Statement): Local {
    const target = this.define(type, this.blocks.length - 1);
    this.current().statements.push(make(target));
    return target;
  }

  private define(type: VectorType, level: number): Local {
    this.types.push(type);
    this.levels.push(level);
    return this.types.length - 1;
  }

  /** Innermost block that the operands need. */
  private levelOf(operands: readonly Local[]): number {
    let level = 0;
    for (const operand of operands) level = Math.max(level, this.levels[operand]!);
    return level;
  }

  private levelOfInt(index: Int): number {
    let level = 0;
    for (const name of variablesOf(index)) level = Math.max(level, this.variableLevels.get(name)!);
    return level;
  }
}

/** Throws an InternalError unless every interleaving of the parts gives the same results. */
function checkIndependence(parts: readonly (readonly Statement[])[]): void {
  const storedBy = new Map<number, Set<number>>();
  for (const [part, statements] of parts.entries()) {
    for (const statement of statements) {
      const { kind } = statement;
      const isChange = kind === 'accumulator' || kind === 'assign' || kind === 'multiplyAdd';
      invariant(!isChange, 'an interleaved part changes an accumulator');
      invariant(!('body' in statement), 'an interleaved part holds a loop or a guard');
      if (kind !== 'store' && kind !== 'storeAt') continue;
      const writers = storedBy.get(statement.buffer) ?? new Set();
      storedBy.set(statement.buffer, writers.add(part));
    }
  }
  for (const [part, statements] of parts.entries()) {
    for (const statement of statements) {
      const isLoad = statement.kind === 'load' || statement.kind === 'loadAt';
      const writers = isLoad ? storedBy.get(statement.buffer) : undefined;
      const isApart =
        writers === undefined || writers.size === 0 || (writers.size === 1 && writers.has(part));
      invariant(isApart, 'an interleaved part loads from a buffer that another one stores to');
    }
  }
}

/** The lists interleaved: one statement of each, round by round. One whose operands another list defines later waits. */
function interleave(lists: readonly (readonly Statement[])[]): Statement[] {
  const pending = new Set(
    lists.flat().flatMap((statement) => ('target' in statement ? [statement.target] : [])),
  );
  const queues = lists.map((list) => ({ list, at: 0 }));
  const order: Statement[] = [];
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  while (order.length < total) {
    for (const queue of queues) {
      const statement = queue.list[queue.at];
      if (statement === undefined || operandsOf(statement).some((operand) => pending.has(operand))) continue;
      order.push(statement);
      queue.at++;
      if ('target' in statement) pending.delete(statement.target);
    }
  }
  return order;
}
