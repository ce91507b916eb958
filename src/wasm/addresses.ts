// Addresses of a kernel's loads and stores, planned before encoding: each access becomes (pointer, constant offset).
// Accesses that differ by a constant share a pointer. A pointer that is linear in the variable of its loop is copied
// from the enclosing loop's pointer before the loop and stepped after each iteration, so loops hold no multiplications;
// one that divides or takes remainders of the variable is computed once per iteration.

import { atomDependsOn, dependsOn, type Int, inLane, intKey, literal, plus, range } from '../kernel/int.ts';
import type { Kernel, Statement } from '../kernel/kernel.ts';
import type { WasmLocal } from './assembler.ts';

/** A `for` statement. */
export type ForStatement = Extract<Statement, { kind: 'for' }>;

/** An access: bytes at `offset` behind the address in the local `pointer`. */
export type Address = { readonly pointer: WasmLocal; readonly offset: number };

/** What a loop does for the pointers that belong to it. The function itself counts as a loop over `chunk`. */
export type LoopPointers = {
  /** Before the loop: pointer = from. */
  readonly copies: { readonly pointer: WasmLocal; readonly from: WasmLocal }[];
  /** At the start of an iteration: pointer = from + 4 · index. */
  readonly computed: { readonly pointer: WasmLocal; readonly from: WasmLocal; readonly index: Int }[];
  /** At the end of an iteration: pointer += bytes. */
  readonly steps: { readonly pointer: WasmLocal; readonly bytes: number }[];
};

/** Pointers of a whole kernel. */
export type AddressPlan = {
  readonly entry: LoopPointers;
  readonly loops: ReadonlyMap<ForStatement, LoopPointers>;
  /** For each load and store (before what data add to it), the address of every lane that it touches by itself (gather, scatter), or just one. */
  readonly addresses: ReadonlyMap<Statement, readonly Address[]>;
  /** Local that holds the address of each buffer slot in use; to be set at the function's entry. */
  readonly bases: ReadonlyMap<number, WasmLocal>;
};

type Access = Extract<Statement, { kind: 'load' | 'store' | 'loadAt' | 'storeAt' }>;

const isAccess = (statement: Statement): statement is Access =>
  statement.kind === 'load' ||
  statement.kind === 'store' ||
  statement.kind === 'loadAt' ||
  statement.kind === 'storeAt';
type Term = Int['terms'][number];

/** A loop around the place in question, innermost first by way of `outer`. */
type Level = {
  readonly variable: string;
  readonly outer: Level | undefined;
  readonly pointers: LoopPointers;
  readonly known: Map<string, WasmLocal>;
};

const ELEMENT_BYTES = 4;

/** Plans the pointers of `kernel`; `newLocal` hands out i32 locals. */
export function planAddresses(kernel: Kernel, newLocal: () => WasmLocal): AddressPlan {
  const loops = new Map<ForStatement, LoopPointers>();
  const addresses = new Map<Statement, Address[]>();
  const bases = new Map<number, WasmLocal>();
  const base = (buffer: number): WasmLocal => {
    const local = bases.get(buffer) ?? newLocal();
    bases.set(buffer, local);
    return local;
  };
  const visit = (statements: readonly Statement[], level: Level): void => {
    planAccesses(
      statements,
      (buffer, index) => pointerTo(level, buffer, index, { base, newLocal }),
      addresses,
    );
    for (const statement of statements) {
      if (statement.kind === 'if' || statement.kind === 'ifAny') {
        visit(statement.body, level);
      } else if (statement.kind === 'for') {
        const inner = newLevel(statement.variable, level);
        loops.set(statement, inner.pointers);
        visit(statement.body, inner);
      }
    }
  };
  const entry = newLevel('chunk', undefined);
  visit(kernel.body, entry);
  return { entry: entry.pointers, loops, addresses, bases };
}

function newLevel(variable: string, outer: Level | undefined): Level {
  return { variable, outer, pointers: { copies: [], computed: [], steps: [] }, known: new Map() };
}

/** The indices that an access needs addresses for. */
function accessIndices(access: Access): readonly Int[] {
  const mode = access.kind === 'storeAt' ? 'vector' : access.mode;
  const lanes = access.kind === 'store' && mode === 'scatter' ? access.count : mode === 'gather' ? 4 : 1;
  return Array.from({ length: lanes }, (_, lane) => inLane(access.index, lane));
}

/**
 * Addresses of the accesses that stand directly in `statements`. A negative part of an index must not be left in a
 * pointer alone: WebAssembly adds pointer and offset without wrapping, so pointers have to be addresses themselves.
 * Statements of one list run together, so the lowest of their addresses is one.
 */
function planAccesses(
  statements: readonly Statement[],
  pointerFor: (buffer: number, index: Int) => WasmLocal,
  addresses: Map<Statement, Address[]>,
): void {
  const accesses = statements.filter(isAccess);
  const indices = new Map(accesses.map((access) => [access, accessIndices(access)]));
  const varying = (index: Int): Int => ({ constant: 0, terms: index.terms });
  const groupKey = (buffer: number, index: Int): string => `${buffer} ${intKey(varying(index))}`;
  const lowest = new Map<string, number>();
  for (const [{ buffer }, list] of indices) {
    for (const index of list) {
      const key = groupKey(buffer, index);
      lowest.set(key, Math.min(lowest.get(key) ?? index.constant, index.constant));
    }
  }
  for (const [access, list] of indices) {
    const places = list.map((index) => {
      const least = lowest.get(groupKey(access.buffer, index))!;
      const start = least >= 0 && range(varying(index))[0] >= 0 ? 0 : least;
      const pointer = pointerFor(access.buffer, plus(varying(index), literal(start)));
      return { pointer, offset: (index.constant - start) * ELEMENT_BYTES };
    });
    addresses.set(access, places);
  }
}

type Locals = { readonly base: (buffer: number) => WasmLocal; readonly newLocal: () => WasmLocal };

/** The pointer to element `index` of `buffer`, kept by the outermost loop that knows the index. */
function pointerTo(level: Level, buffer: number, index: Int, locals: Locals): WasmLocal {
  if (index.terms.length === 0 && index.constant === 0) return locals.base(buffer);
  if (level.outer !== undefined && !dependsOn(index, level.variable)) {
    return pointerTo(level.outer, buffer, index, locals);
  }
  const key = `${buffer} ${intKey(index)}`;
  const known = level.known.get(key);
  if (known !== undefined) return known;
  const pointer =
    level.outer === undefined
      ? computedPointer(level, locals.base(buffer), index, locals)
      : innerPointer(level, level.outer, buffer, index, locals);
  level.known.set(key, pointer);
  return pointer;
}

function innerPointer(level: Level, outer: Level, buffer: number, index: Int, locals: Locals): WasmLocal {
  const isOwn = ({ atom }: Term): boolean => atomDependsOn(atom, level.variable);
  const own = index.terms.filter(isOwn);
  const rest = { constant: index.constant, terms: index.terms.filter((term) => !isOwn(term)) };
  const from = pointerTo(outer, buffer, rest, locals);
  if (own.length > 1 || own[0]!.atom.kind !== 'variable') {
    return computedPointer(level, from, { constant: 0, terms: own }, locals);
  }
  const pointer = locals.newLocal();
  level.pointers.copies.push({ pointer, from });
  level.pointers.steps.push({ pointer, bytes: own[0]!.coefficient * ELEMENT_BYTES });
  return pointer;
}

function computedPointer(level: Level, from: WasmLocal, index: Int, locals: Locals): WasmLocal {
  const pointer = locals.newLocal();
  level.pointers.computed.push({ pointer, from, index });
  return pointer;
}
