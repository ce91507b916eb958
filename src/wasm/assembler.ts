// WebAssembly's binary format, as far as kernels need it: numbers, sections, and function bodies instruction by
// instruction. Knows nothing of kernels.
// Source: WebAssembly Core Specification 3.0, chapter 5 "Binary Format".

import { InternalError } from '../base/errors.ts';
import {
  laneMemoryOpcodes,
  type PlainInstruction,
  scalarOpcodes,
  vectorMemoryOpcodes,
  vectorOpcodes,
} from './opcodes.ts';

/** Type of a WebAssembly value; the numbers are its encoding. */
export const valueTypes = { i32: 0x7f, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

/** Index of a parameter or local variable of the function that is being written. */
export type WasmLocal = number;

const VECTOR_PREFIX = 0xfd;
const EMPTY_BLOCK = 0x40;
/** log2 of the alignment that memory operands promise: any 32-bit element. */
const ELEMENT_ALIGNMENT = 2;

/** An unsigned integer below 2^32 in LEB128. */
export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** A signed 32-bit integer in LEB128. */
export function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -0x40 || rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

/** One function while it is written: its locals and the bytes of its body. */
export class FunctionWriter {
  private readonly bytes: number[] = [];
  private readonly locals: ValueType[] = [];
  private readonly parameters: number;

  constructor(parameters: number) {
    this.parameters = parameters;
  }

  /** A new local variable, zero at first. */
  local(type: ValueType): WasmLocal {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** Instructions without immediates, one after another. */
  emit(...names: readonly PlainInstruction[]): void {
    for (const name of names) {
      if (name in scalarOpcodes) this.bytes.push(scalarOpcodes[name as keyof typeof scalarOpcodes]);
      else this.vector(vectorOpcodes[name as keyof typeof vectorOpcodes]);
    }
  }

  get(local: WasmLocal): void {
    this.bytes.push(0x20, ...unsignedLeb(local));
  }

  set(local: WasmLocal): void {
    this.bytes.push(0x21, ...unsignedLeb(local));
  }

  /** Stores the top of the stack and leaves it there. */
  tee(local: WasmLocal): void {
    this.bytes.push(0x22, ...unsignedLeb(local));
  }

  constant(value: number): void {
    this.bytes.push(0x41, ...signedLeb(value));
  }

  /** A vector constant from its four 32-bit words. */
  vectorConstant(words: readonly [number, number, number, number]): void {
    this.vector(0x0c);
    for (const word of words)
      this.bytes.push(word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, (word >> 24) & 0xff);
  }

  /** Takes four 32-bit lanes of two vectors: lanes 0 … 3 of the first, 4 … 7 of the second. */
  shuffle(lanes: readonly [number, number, number, number]): void {
    this.vector(0x0d);
    for (const lane of lanes) this.bytes.push(4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3);
  }

  /** One lane as an i32. */
  extractLane(lane: number): void {
    this.vector(0x1b);
    this.bytes.push(lane);
  }

  replaceLane(lane: number): void {
    this.vector(0x1c);
    this.bytes.push(lane);
  }

  loadInteger(offset: number): void {
    this.bytes.push(0x28);
    this.memoryOperand(offset);
  }

  memory(name: keyof typeof vectorMemoryOpcodes, offset: number): void {
    this.vector(vectorMemoryOpcodes[name]);
    this.memoryOperand(offset);
  }

  /** The lane counts in units of the instruction's width. */
  laneMemory(name: keyof typeof laneMemoryOpcodes, offset: number, lane: number): void {
    this.vector(laneMemoryOpcodes[name]);
    this.memoryOperand(offset);
    this.bytes.push(lane);
  }

  /** Opens a loop; `branchIf(0)` within continues it, `emit('end')` closes it. */
  loop(): void {
    this.bytes.push(0x03, EMPTY_BLOCK);
  }

  /** Opens a block that runs if the top of the stack is not zero; `emit('end')` closes it. */
  when(): void {
    this.bytes.push(0x04, EMPTY_BLOCK);
  }

  branchIf(depth: number): void {
    this.bytes.push(0x0d, ...unsignedLeb(depth));
  }

  /** The finished function: declarations of locals, body, end; preceded by its size. */
  finish(): Uint8Array {
    const runs: { readonly type: ValueType; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const declarations = [
      unsignedLeb(runs.length),
      ...runs.map(({ type, count }) => [...unsignedLeb(count), valueTypes[type]]),
    ];
    const head = declarations.flat();
    return concatenate([
      unsignedLeb(head.length + this.bytes.length + 1),
      head,
      this.bytes,
      [scalarOpcodes.end],
    ]);
  }

  private vector(opcode: number): void {
    this.bytes.push(VECTOR_PREFIX, ...unsignedLeb(opcode));
  }

  private memoryOperand(offset: number): void {
    if (offset < 0 || offset >= 2 ** 32)
      throw new InternalError(`internal: memory offset ${offset} is outside 0 … 2^32 − 1`);
    this.bytes.push(ELEMENT_ALIGNMENT, ...unsignedLeb(offset));
  }
}

/** A length-prefixed UTF-8 name. */
export function nameBytes(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsignedLeb(bytes.length), ...bytes];
}

/** A vector of items: their number, then each. */
export function listBytes(items: readonly ArrayLike<number>[]): Uint8Array {
  return concatenate([unsignedLeb(items.length), ...items]);
}

/** A section: its number, its size, its content. */
export function section(id: number, content: ArrayLike<number>): Uint8Array {
  return concatenate([[id], unsignedLeb(content.length), content]);
}

/** Byte strings, joined. */
export function concatenate(parts: readonly ArrayLike<number>[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}
