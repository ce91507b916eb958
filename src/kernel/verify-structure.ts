// The rules of the kernel language that need no arithmetic on addresses: names, types, scopes, limits of slots.

import { type Int, LANE, variablesOf } from './int.ts';
import {
  type Kernel,
  type Local,
  operandTypes,
  resultTypes,
  SCRATCH,
  type Statement,
  TABLE_SIZE,
  type VectorType,
} from './kernel.ts';

/** Reports a fault of the statement that is being looked at. */
type Report = (message: string) => void;

/** What is known where a statement stands. Inner scopes are copies: what they define ends with them. */
type Scope = {
  readonly values: Set<Local>;
  readonly accumulators: Set<Local>;
  /** Greatest value of each loop variable. */
  readonly variables: ReadonlyMap<string, number>;
};

/** Visits every statement in the order of the printed text; `report` gets the statement with each fault. */
export function checkStructure(
  kernel: Kernel,
  report: (statement: Statement, message: string) => void,
): void {
  const defined = new Set<Local>();
  const visit = (statements: readonly Statement[], scope: Scope, isLoop = false): void => {
    for (const [at, statement] of statements.entries()) {
      const fault: Report = (message) => report(statement, message);
      if (statement.kind === 'ifAny' && statement.endsLoop && !(isLoop && at === statements.length - 1))
        fault('only the last statement of a loop may end it');
      checkOperands(kernel, statement, scope, defined, fault);
      checkIndices(kernel, statement, scope, fault);
      checkLimits(kernel, statement, fault);
      if (statement.kind === 'for') {
        const { variable, count } = statement;
        if (scope.variables.has(variable))
          fault(`the variable ${variable} is taken by a loop around this one`);
        if (!(Number.isInteger(count) && count >= 1)) fault(`a loop runs at least once, not ${count} times`);
        visit(statement.body, inner(scope, new Map([...scope.variables, [variable, count - 1]])), true);
      } else if (statement.kind === 'if' || statement.kind === 'ifAny') {
        visit(statement.body, inner(scope, scope.variables));
      } else if ('target' in statement) {
        const { target } = statement;
        if (defined.has(target)) fault(`v${target} is defined a second time`);
        defined.add(target);
        (statement.kind === 'accumulator' ? scope.accumulators : scope.values).add(target);
        checkTarget(kernel, statement, fault);
      }
    }
  };
  const variables = new Map([['chunk', kernel.chunks - 1]]);
  visit(kernel.body, { values: new Set(), accumulators: new Set(), variables });
}

function inner({ values, accumulators }: Scope, variables: Scope['variables']): Scope {
  return { values: new Set(values), accumulators: new Set(accumulators), variables };
}

/** Operands of a statement, with the type that each must have; undefined for any. */
function typedOperands(
  s: Statement,
  typeOf: (local: Local) => VectorType | undefined,
): (readonly [Local, VectorType | undefined])[] {
  switch (s.kind) {
    case 'operation':
      return s.operands.map((operand, k) => [operand, operandTypes[s.op][k]]);
    case 'shift':
    case 'lookup':
      return [[s.operand, 'i32']];
    case 'fold':
      return [[s.operand, 'f32']];
    case 'ifAny':
      return [[s.mask, 'i32']];
    case 'store':
      return [[s.value, undefined]];
    case 'loadAt':
      return [[s.offset, 'i32']];
    case 'storeAt':
      return [
        [s.offset, 'i32'],
        [s.value, undefined],
      ];
    case 'accumulator':
      return [[s.initial, s.type]];
    case 'assign':
      return [[s.value, typeOf(s.accumulator)]];
    case 'multiplyAdd':
      return [
        [s.a, 'f32'],
        [s.b, 'f32'],
      ];
    default:
      return [];
  }
}

function checkOperands(
  { types }: Kernel,
  s: Statement,
  { values, accumulators }: Scope,
  defined: ReadonlySet<Local>,
  fault: Report,
): void {
  const missing = (local: Local): string =>
    defined.has(local)
      ? `v${local} is used outside the loop or guard that defines it`
      : `v${local} is used before it is defined`;
  for (const [local, type] of typedOperands(s, (other) => types[other])) {
    if (!values.has(local) && !accumulators.has(local)) fault(missing(local));
    else if (type !== undefined && types[local] !== type) fault(`v${local} is ${types[local]}, not ${type}`);
  }
  if (s.kind === 'operation' && s.operands.length !== operandTypes[s.op].length)
    fault(`${s.op} takes ${operandTypes[s.op].length} operands, not ${s.operands.length}`);
  if (s.kind !== 'assign' && s.kind !== 'multiplyAdd') return;
  if (values.has(s.accumulator)) fault(`v${s.accumulator} is no accumulator`);
  else if (!accumulators.has(s.accumulator)) fault(missing(s.accumulator));
  else if (s.kind === 'multiplyAdd' && types[s.accumulator] !== 'f32')
    fault(`v${s.accumulator} is ${types[s.accumulator]}, not f32`);
}

/** Type of what a statement defines. */
function resultType(s: Extract<Statement, { target: Local }>): VectorType {
  switch (s.kind) {
    case 'operation':
      return resultTypes[s.op];
    case 'shift':
    case 'pushConstant':
    case 'index':
      return 'i32';
    case 'lookup':
    case 'fold':
      return 'f32';
    default:
      return s.type;
  }
}

function checkTarget({ types }: Kernel, s: Extract<Statement, { target: Local }>, fault: Report): void {
  const type = resultType(s);
  if (types[s.target] !== type)
    fault(`v${s.target} is declared as ${types[s.target] ?? 'nothing'}, its value is ${type}`);
}

/** The address of a statement, if it has one, and whether it may depend on the lane. */
function indexOf(s: Statement): { readonly index: Int; readonly hasLanes: boolean } | undefined {
  switch (s.kind) {
    case 'index':
      return { index: s.index, hasLanes: true };
    case 'load':
    case 'loadAt':
      return { index: s.index, hasLanes: s.mode === 'gather' };
    case 'store':
      return { index: s.index, hasLanes: s.mode === 'scatter' };
    case 'storeAt':
    case 'prefetch':
    case 'if':
      return { index: s.index, hasLanes: false };
    default:
      return undefined;
  }
}

function checkIndices({ lanes }: Kernel, s: Statement, { variables }: Scope, fault: Report): void {
  const found = indexOf(s);
  if (found === undefined) return;
  const names = variablesOf(found.index);
  if (names.has(LANE) && !found.hasLanes) fault('the address is one for all lanes and depends on the lane');
  const visit = (x: Int): void => {
    for (const { atom } of x.terms) {
      if (atom.kind !== 'variable') {
        visit(atom.of);
      } else if (atom.name === LANE) {
        if (atom.max >= lanes) fault(`there are ${lanes} lanes, the address counts ${atom.max + 1}`);
      } else {
        const most = variables.get(atom.name);
        if (most === undefined) fault(`${atom.name} is not the variable of a loop around this statement`);
        else if (most !== atom.max) fault(`${atom.name} runs to ${most}, the address counts to ${atom.max}`);
      }
    }
  };
  visit(found.index);
}

/** Slots, positions and counts, against what the kernel declares. */
function checkLimits(kernel: Kernel, s: Statement, fault: Report): void {
  const within = (what: string, value: number, from: number, to: number): void => {
    if (!(Number.isInteger(value) && value >= from && value <= to))
      fault(`${what} ${value} is not one of ${from} … ${to}`);
  };
  if ('buffer' in s) within('buffer', s.buffer, SCRATCH, kernel.buffers - 1);
  if ('reach' in s) within('the reach', s.reach, 0, Number.MAX_SAFE_INTEGER);
  if (s.kind === 'store' || s.kind === 'storeAt') within('the number of lanes', s.count, 1, kernel.lanes);
  if (s.kind === 'pushConstant') within('push constant', s.position, 0, kernel.pushConstants - 1);
  if (s.kind === 'scalar') within('scalar', s.slot, 0, Number.MAX_SAFE_INTEGER);
  if (s.kind === 'lookup') {
    within('the table at', s.position, 0, kernel.constants.length - TABLE_SIZE);
    if (s.position % TABLE_SIZE !== 0)
      fault(`tables begin at multiples of ${TABLE_SIZE}, not at ${s.position}`);
  }
  if (s.kind === 'shift') within('the number of bits', s.bits, 0, 31);
}
