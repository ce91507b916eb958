// Kernels as text, one statement a line, for people, golden tests and the faults that verify.ts finds.

import { printInt } from './int.ts';
import { type Kernel, type Local, SCRATCH, type Statement } from './kernel.ts';

/** A kernel as text: a header, then a line for each statement. */
export function printKernel(kernel: Kernel): string {
  const lines = [printHeader(kernel)];
  const visit = (statements: readonly Statement[], indent: string): void => {
    for (const statement of statements) {
      lines.push(indent + printStatement(statement));
      if ('body' in statement) visit(statement.body, `${indent}  `);
    }
  };
  visit(kernel.body, '  ');
  return `${lines.join('\n')}\n`;
}

function printHeader({ name, chunks, lanes, buffers, scratch }: Kernel): string {
  const reserved = scratch > 0 ? `, scratch ${scratch}` : '';
  return `kernel ${name}: ${chunks} chunks, ${lanes} lanes, ${buffers} buffers${reserved}`;
}

const v = (local: Local): string => `v${local}`;
const slot = (buffer: number): string => (buffer === SCRATCH ? 'scratch' : `b${buffer}`);

/** A statement as one line; of a loop or a guard, its first line. */
export function printStatement(s: Statement): string {
  switch (s.kind) {
    case 'operation':
      return `${v(s.target)} = ${s.op}(${s.operands.map(v).join(', ')})`;
    case 'shift':
      return `${v(s.target)} = ${v(s.operand)} ${s.direction === 'left' ? '<<' : '>>>'} ${s.bits}`;
    case 'literal':
      return `${v(s.target)} = ${s.value}:${s.type}`;
    case 'scalar':
      return `${v(s.target)} = scalar ${s.slot}:${s.type}`;
    case 'pushConstant':
      return `${v(s.target)} = push constant ${s.position}`;
    case 'lookup':
      return `${v(s.target)} = constants[${s.position} + (${v(s.operand)} & 31)]`;
    case 'index':
      return `${v(s.target)} = index ${printInt(s.index)}`;
    case 'load':
      return `${v(s.target)} = ${slot(s.buffer)}[${printInt(s.index)}] ${s.mode}:${s.type}`;
    case 'store':
      return `${slot(s.buffer)}[${printInt(s.index)}] = ${v(s.value)} ${s.mode} ${s.count}`;
    case 'loadAt':
      return `${v(s.target)} = ${slot(s.buffer)}[${printInt(s.index)} + ${v(s.offset)}] ${s.mode}:${s.type}`;
    case 'storeAt':
      return `${slot(s.buffer)}[${printInt(s.index)} + ${v(s.offset)}] = ${v(s.value)} vector ${s.count}`;
    case 'prefetch':
      return `prefetch ${slot(s.buffer)}[${printInt(s.index)}] ${s.use}`;
    case 'accumulator':
      return `var ${v(s.target)} = ${v(s.initial)}`;
    case 'assign':
      return `${v(s.accumulator)} := ${v(s.value)}`;
    case 'multiplyAdd':
      return `${v(s.accumulator)} += ${v(s.a)} * ${v(s.b)}`;
    case 'fold':
      return `${v(s.target)} = fold ${s.op} ${v(s.operand)}`;
    case 'for':
      return `for ${s.variable} in ${s.count}`;
    case 'if':
      return `if ${printInt(s.index)} < ${s.below}`;
    case 'ifAny':
      return `if any ${v(s.mask)}${s.endsLoop ? ', else leave the loop' : ''}`;
  }
}
