// The verifier: the rules of the kernel language, checked on a finished kernel. Lowering and the builder are meant to
// keep them; what a backend makes of a kernel that breaks one is undefined. It runs in tests and on request.

import type { Kernel, Statement } from './kernel.ts';
import { printStatement } from './print.ts';
import { checkMemory } from './verify-memory.ts';
import { checkStructure } from './verify-structure.ts';

/**
 * Every fault of a kernel, each with its line in the text that `printKernel` writes; none for a sound kernel.
 *
 * - A value is defined once, before it is used, and used within the loop or guard that defines it, as is an accumulator.
 * - Operands and results have the types of their operation.
 * - An address counts with variables of loops around it, each as far as its loop runs; one address for all lanes does
 *   not depend on the lane.
 * - Slots, push constants, constants, lanes and shifts are within what the kernel declares.
 * - An address lies in scratch memory, or not before the beginning of its buffer. (Ends of buffers: `verifyPlan`.)
 * - A load that is not fixed meets no store that may have written its element before it, so that the builder may move it.
 * - A fixed load, and every load of scratch memory, reads only what the chunk has stored before, as far as intervals tell.
 * - No element is stored by two chunks, or loaded by one and stored by another, where arithmetic on addresses can tell.
 */
export function verifyKernel(kernel: Kernel): string[] {
  const lines = lineNumbers(kernel);
  const faults: { readonly line: number; readonly text: string }[] = [];
  const report = (statement: Statement, message: string): void => {
    const line = lines.get(statement)!;
    faults.push({ line, text: `${kernel.name}, line ${line}, "${printStatement(statement)}": ${message}` });
  };
  checkStructure(kernel, report);
  checkMemory(kernel, report);
  return faults.sort((a, b) => a.line - b.line).map(({ text }) => text);
}

/** Line of each statement in the printed kernel; the header is line 1. */
function lineNumbers(kernel: Kernel): Map<Statement, number> {
  const lines = new Map<Statement, number>();
  let line = 1;
  const visit = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      line++;
      lines.set(statement, line);
      if ('body' in statement) visit(statement.body);
    }
  };
  visit(kernel.body);
  return lines;
}
