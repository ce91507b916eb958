// Kernels as C: one library per plan. Vectors are the compiler's own vector types; what they lack (fused
// multiply-add, square root, rounding, selection) stands in prelude.h with a fast and a portable form.

import { coefficientOf, type Int, inLane, LANE, printInt, substitute } from '../kernel/int.ts';
import { type Kernel, type Local, SCRATCH, type Statement, type VectorOp } from '../kernel/kernel.ts';
import { prelude } from './c-sources.ts';

/** Characters of C above which kernels are shared between two translation units. */
const SHARED_SOURCE = 60_000;

/** The C source of `kernels`, all of `lanes` lanes, and a table `ohmic_kernels` of their entry points, as one text. */
export function printTranslationUnit(kernels: readonly Kernel[], lanes: number): string {
  return [prelude(lanes), ...kernels.map(printFunction), printTable(kernels)].join('\n');
}

/** The same as translation units of about equal size, for compilers that run in parallel: two, if the text is long. */
export function printTranslationUnits(kernels: readonly Kernel[], lanes: number): string[] {
  const functions = kernels.map(printFunction);
  const total = functions.reduce((sum, text) => sum + text.length, 0);
  if (total < SHARED_SOURCE) return [printTranslationUnit(kernels, lanes)];
  const halves: [string[], string[]] = [[], []];
  let length = 0;
  for (const text of functions) {
    halves[2 * length < total ? 0 : 1].push(text);
    length += text.length;
  }
  return [
    [prelude(lanes), ...halves[0]].join('\n'),
    [prelude(lanes), ...halves[1], printTable(kernels)].join('\n'),
  ];
}

/** The entry points, declared once more for those that stand in another unit. */
function printTable(kernels: readonly Kernel[]): string {
  return `${kernels.map((kernel) => `${signature(kernel)};`).join('\n')}
static const kernel_function ohmic_kernels[] = { ${kernels.map((kernel) => kernel.name).join(', ')} };
EXPORT const void *ohmic_kernel_table(void) { return ohmic_kernels; }
`;
}

function signature(kernel: Kernel): string {
  return `void ${kernel.name}(float *const *buffers, const uint32_t *scalars, const uint32_t *push_constants, float *scratch, integer chunk)`;
}

function printFunction(kernel: Kernel): string {
  const buffers = Array.from(
    { length: kernel.buffers },
    (_, slot) => `  float *b${slot} = buffers[${slot}];\n`,
  ).join('');
  const lines: string[] = [];
  printBlock(kernel, kernel.body, '  ', lines);
  return `${printConstants(kernel)}${signature(kernel)} {
${buffers}  (void)scalars; (void)push_constants; (void)scratch; (void)chunk;
${lines.join('\n')}
}
`;
}

/** What lookups choose from, if anything. */
function printConstants({ name, constants }: Kernel): string {
  if (constants.length === 0) return '';
  const numbers = constants.map(printFloat).join(', ');
  return `static const float ${name}_constants[] __attribute__((aligned(64))) = { ${numbers} };\n`;
}

function printBlock(kernel: Kernel, statements: readonly Statement[], indent: string, lines: string[]): void {
  for (const statement of statements) {
    if (statement.kind === 'for') {
      const { variable, count } = statement;
      lines.push(`${indent}for (integer ${variable} = 0; ${variable} < ${count}; ${variable}++) {`);
      printBlock(kernel, statement.body, `${indent}  `, lines);
      lines.push(`${indent}}`);
    } else if (statement.kind === 'if') {
      lines.push(`${indent}if (${printInt(statement.index)} < ${statement.below}) {`);
      printBlock(kernel, statement.body, `${indent}  `, lines);
      lines.push(`${indent}}`);
    } else if (statement.kind === 'ifAny') {
      lines.push(`${indent}if (any_lane(${v(statement.mask)})) {`);
      printBlock(kernel, statement.body, `${indent}  `, lines);
      lines.push(statement.endsLoop ? `${indent}} else break;` : `${indent}}`);
    } else {
      lines.push(`${indent}${printSimple(kernel, statement)}`);
    }
  }
}

const v = (local: Local): string => `v${local}`;

/** Operations that are C operators on vectors. */
const OPERATORS: { readonly [K in VectorOp]?: string } = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  less: '<',
  lessEqual: '<=',
  equal: '==',
  lessInt: '<',
  lessEqualInt: '<=',
  equalInt: '==',
  and: '&',
  or: '|',
  xor: '^',
};

/** Those that wrap around on overflow, as C promises of unsigned numbers only. */
const WRAPPING_OPERATORS: { readonly [K in VectorOp]?: string } = {
  addInt: '+',
  subtractInt: '-',
  multiplyInt: '*',
};

function printOperation(op: VectorOp, operands: readonly string[]): string {
  const wrapping = WRAPPING_OPERATORS[op];
  if (wrapping !== undefined) return `(vi)((vu)${operands[0]} ${wrapping} (vu)${operands[1]})`;
  const operator = OPERATORS[op];
  if (operator !== undefined) return `${operands[0]} ${operator} ${operands[1]}`;
  return `op_${op}(${operands.join(', ')})`;
}

function printSimple(kernel: Kernel, s: Exclude<Statement, { kind: 'for' | 'if' | 'ifAny' }>): string {
  const type = (local: Local): string => (kernel.types[local] === 'f32' ? 'vf' : 'vi');
  const define = (target: Local, value: string): string => `const ${type(target)} ${v(target)} = ${value};`;
  switch (s.kind) {
    case 'operation':
      return define(s.target, printOperation(s.op, s.operands.map(v)));
    case 'shift':
      return define(s.target, `(vi)((vu)${v(s.operand)} ${s.direction === 'left' ? '<<' : '>>'} ${s.bits})`);
    case 'literal':
      return define(
        s.target,
        s.type === 'f32' ? `splat_f(${printFloat(s.value)})` : `splat_i((int32_t)${s.value | 0})`,
      );
    case 'scalar':
      return define(
        s.target,
        s.type === 'f32' ? `splat_f(float_of(scalars[${s.slot}]))` : `splat_i((int32_t)scalars[${s.slot}])`,
      );
    case 'pushConstant':
      return define(s.target, `splat_i((int32_t)push_constants[${s.position}])`);
    case 'lookup':
      return define(s.target, `lookup(${kernel.name}_constants + ${s.position}, ${v(s.operand)})`);
    case 'index':
      return define(s.target, printIndexVector(s.index, kernel.lanes));
    case 'load':
      return define(s.target, printLoad(s, kernel.lanes));
    case 'store':
      return printStore(s, kernel.lanes);
    case 'loadAt':
      return define(s.target, printLoadAt(s, kernel.lanes));
    case 'storeAt':
      return printStore({ ...s, kind: 'store', mode: 'vector' }, kernel.lanes, offsetOf(s.offset, 0));
    case 'prefetch':
      return `__builtin_prefetch(${bufferName(s.buffer)} + ${printInt(s.index)}, ${s.use === 'store' ? 1 : 0}, 3);`;
    case 'accumulator':
      return `${type(s.target)} ${v(s.target)} = ${v(s.initial)};`;
    case 'assign':
      return `${v(s.accumulator)} = ${v(s.value)};`;
    case 'multiplyAdd':
      return `${v(s.accumulator)} = multiply_add(${v(s.a)}, ${v(s.b)}, ${v(s.accumulator)});`;
    case 'fold':
      return define(s.target, `fold_${s.op}(${v(s.operand)})`);
  }
}

function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'NAN';
  if (!Number.isFinite(value)) return value > 0 ? 'INFINITY' : '-INFINITY';
  const rounded = Math.fround(value);
  const text = String(rounded);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}

const bufferName = (slot: number): string => (slot === SCRATCH ? 'scratch' : `b${slot}`);

/** Lane l: the index with `lane` = l. A linear dependence becomes a product with the lane numbers. */
function printIndexVector(index: Int, lanes: number): string {
  const step = coefficientOf(index, LANE);
  if (step !== undefined)
    return `splat_i((int32_t)(${printInt(substitute(index, LANE, 0))})) + lane_numbers * ${step}`;
  return `(vi){ ${eachLane(index, lanes).join(', ')} }`;
}

function eachLane(index: Int, lanes: number): string[] {
  return Array.from({ length: lanes }, (_, l) => printInt(inLane(index, l)));
}

function printLoad(
  { buffer, index, mode, type }: Extract<Statement, { kind: 'load' }>,
  lanes: number,
): string {
  const name = bufferName(buffer);
  const suffix = type === 'f32' ? 'f' : 'i';
  if (mode === 'splat') return `splat_load_${suffix}(${name} + ${printInt(index)})`;
  if (mode === 'vector') return `load_${suffix}(${name} + ${printInt(index)})`;
  const elements = eachLane(index, lanes).map((at) =>
    type === 'f32' ? `${name}[${at}]` : `int_of(${name}[${at}])`,
  );
  return `(v${suffix}){ ${elements.join(', ')} }`;
}

/** What lane `lane` of an offset adds to an address. */
function offsetOf(offset: Local, lane: number): string {
  return ` + (integer)${v(offset)}[${lane}]`;
}

function printLoadAt(
  { buffer, index, offset, mode, type }: Extract<Statement, { kind: 'loadAt' }>,
  lanes: number,
): string {
  const name = bufferName(buffer);
  const suffix = type === 'f32' ? 'f' : 'i';
  if (mode === 'vector') return `load_${suffix}(${name} + ${printInt(index)}${offsetOf(offset, 0)})`;
  const elements = eachLane(index, lanes).map((at, l) => {
    const element = `${name}[${at}${offsetOf(offset, l)}]`;
    return type === 'f32' ? element : `int_of(${element})`;
  });
  return `(v${suffix}){ ${elements.join(', ')} }`;
}

/** `further` is added to the address of a vector. */
function printStore(
  { buffer, index, value, mode, count }: Extract<Statement, { kind: 'store' }>,
  lanes: number,
  further = '',
): string {
  const name = bufferName(buffer);
  if (mode === 'vector') {
    const address = `${name} + ${printInt(index)}${further}`;
    return count === lanes
      ? `store(${address}, (vf)${v(value)});`
      : `store_first(${address}, (vf)${v(value)}, ${count});`;
  }
  const lanesUsed = Array.from(
    { length: count },
    (_, l) => `${name}[${printInt(substitute(index, LANE, l))}] = ((vf)${v(value)})[${l}];`,
  );
  return lanesUsed.join(' ');
}
