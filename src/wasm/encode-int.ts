// Integer address expressions as i32 arithmetic, modulo 2^32.

import { invariant } from '../base/errors.ts';
import type { Atom, Int } from '../kernel/int.ts';
import type { FunctionWriter, WasmLocal } from './assembler.ts';

/** Where each loop variable in scope lives. */
export type Scope = ReadonlyMap<string, WasmLocal>;

/** Leaves the value of `x` on the stack. */
export function encodeInt(writer: FunctionWriter, scope: Scope, x: Int): void {
  for (const [position, { atom, coefficient }] of x.terms.entries()) {
    encodeAtom(writer, scope, atom);
    if (coefficient === -1 && position > 0) {
      writer.emit('i32.sub');
      continue;
    }
    if (coefficient !== 1) {
      const bits = Math.log2(coefficient);
      writer.constant(Number.isInteger(bits) ? bits : coefficient);
      writer.emit(Number.isInteger(bits) ? 'i32.shl' : 'i32.mul');
    }
    if (position > 0) writer.emit('i32.add');
  }
  if (x.terms.length === 0) {
    writer.constant(x.constant);
  } else if (x.constant !== 0) {
    writer.constant(x.constant);
    writer.emit('i32.add');
  }
}

function encodeAtom(writer: FunctionWriter, scope: Scope, atom: Atom): void {
  if (atom.kind === 'variable') {
    const local = scope.get(atom.name);
    invariant(local !== undefined, () => `variable "${atom.name}" is used outside its loop`);
    writer.get(local);
    return;
  }
  encodeInt(writer, scope, atom.of);
  const bits = Math.log2(atom.by);
  const isPower = Number.isInteger(bits);
  if (atom.kind === 'div') {
    writer.constant(isPower ? bits : atom.by);
    writer.emit(isPower ? 'i32.shr_u' : 'i32.div_u');
  } else {
    writer.constant(isPower ? atom.by - 1 : atom.by);
    writer.emit(isPower ? 'i32.and' : 'i32.rem_u');
  }
}
