// Ways to break a kernel, for tests of the verifier: each gives a broken copy for every place where it can be done.

import { type Int, literal, plus } from './int.ts';
import type { Kernel, Local, Statement } from './kernel.ts';

/** A kernel with one fault, and where it was put. */
export type Mutant = { readonly kernel: Kernel; readonly what: string };

/** All statements, those in loops and guards included. */
export function statementsOf(statements: readonly Statement[]): Statement[] {
  return statements.flatMap((s) => ('body' in s ? [s, ...statementsOf(s.body)] : [s]));
}

/** `statements` with others in the place of one, at any depth. */
function replaced(
  statements: readonly Statement[],
  old: Statement,
  by: (old: Statement) => readonly Statement[],
): Statement[] {
  return statements.flatMap((s): readonly Statement[] => {
    if (s === old) return by(s);
    return 'body' in s ? [{ ...s, body: replaced(s.body, old, by) }] : [s];
  });
}

/** A kernel with others in the place of one statement. */
export function withStatement(kernel: Kernel, old: Statement, ...by: readonly Statement[]): Kernel {
  return { ...kernel, body: replaced(kernel.body, old, () => by) };
}

type Defining = Extract<Statement, { target: Local }>;
type Addressed = Extract<Statement, { kind: 'load' | 'store' }>;

const isDefining = (s: Statement): s is Defining => 'target' in s;
const isAddressed = (s: Statement): s is Addressed => s.kind === 'load' || s.kind === 'store';

/** Each definition left out. */
export function withoutDefinitions(kernel: Kernel): Mutant[] {
  const used = usedLocals(kernel.body);
  return statementsOf(kernel.body)
    .filter((s) => isDefining(s) && used.has(s.target))
    .map((s) => ({ kernel: withStatement(kernel, s), what: `without v${(s as Defining).target}` }));
}

/** Each definition twice. */
export function withDoubles(kernel: Kernel): Mutant[] {
  return statementsOf(kernel.body)
    .filter(isDefining)
    .map((s) => ({ kernel: withStatement(kernel, s, s, s), what: `v${s.target} twice` }));
}

/** Neighbours of which the second needs the first, the other way round. */
export function withSwaps(kernel: Kernel): Mutant[] {
  const lists = [kernel.body, ...statementsOf(kernel.body).flatMap((s) => ('body' in s ? [s.body] : []))];
  return lists.flatMap((list) =>
    list.slice(1).flatMap((second, k) => {
      const first = list[k]!;
      if (!isDefining(first) || 'body' in second || !usedLocals([second]).has(first.target)) return [];
      const dropped = withStatement(kernel, first);
      return [
        { kernel: withStatement(dropped, second, second, first), what: `v${first.target} after its use` },
      ];
    }),
  );
}

/** Values of a loop, defined in front of it: their operands or their variable are not known there. */
export function withHoists(kernel: Kernel): Mutant[] {
  return statementsOf(kernel.body).flatMap((loop) => {
    if (loop.kind !== 'for') return [];
    const inside = new Set(loop.body.filter(isDefining).map(({ target }) => target));
    return loop.body
      .filter((s) => isDefining(s) && needs(s, inside, loop.variable))
      .map((s) => ({
        kernel: withStatement(kernel, loop, s, { ...loop, body: loop.body.filter((other) => other !== s) }),
        what: `v${(s as Defining).target} before the loop over ${loop.variable}`,
      }));
  });
}

function needs(s: Statement, locals: ReadonlySet<Local>, variable: string): boolean {
  if ([...usedLocals([s])].some((local) => locals.has(local))) return true;
  return (
    (s.kind === 'load' || s.kind === 'index') &&
    s.index.terms.some(({ atom }) => atom.kind === 'variable' && atom.name === variable)
  );
}

/** Each address with its variables changed: another name, or another count. */
export function withWrongVariables(kernel: Kernel): Mutant[] {
  return statementsOf(kernel.body)
    .filter(isAddressed)
    .flatMap((s) =>
      s.index.terms.flatMap(({ atom, coefficient }, k) => {
        if (atom.kind !== 'variable') return [];
        const wrong = [
          { ...atom, name: `${atom.name}_elsewhere` },
          { ...atom, max: atom.max + (atom.name === 'lane' ? kernel.lanes : 1) },
        ];
        return wrong.map((other) => {
          const index: Int = { ...s.index, terms: s.index.terms.with(k, { atom: other, coefficient }) };
          return {
            kernel: withStatement(kernel, s, { ...s, index }),
            what: `${other.name} to ${other.max}`,
          };
        });
      }),
    );
}

/** Each address moved by so many elements. */
export function withMovedAddresses(
  kernel: Kernel,
  by: number,
  isWanted: (s: Addressed) => boolean = () => true,
): Mutant[] {
  return statementsOf(kernel.body)
    .filter(isAddressed)
    .filter(isWanted)
    .map((s) => ({
      kernel: withStatement(kernel, s, { ...s, index: plus(s.index, literal(by)) }),
      what: `${s.kind} of slot ${s.buffer} moved by ${by}`,
    }));
}

/** Stores with no lane, and with one more than there are. */
export function withWrongCounts(kernel: Kernel): Mutant[] {
  return statementsOf(kernel.body).flatMap((s) =>
    s.kind === 'store'
      ? [0, kernel.lanes + 1].map((count) => ({
          kernel: withStatement(kernel, s, { ...s, count }),
          what: `${count} lanes of v${s.value}`,
        }))
      : [],
  );
}

/** Operations of another type, and with an operand too few. */
export function withWrongOperations(kernel: Kernel): Mutant[] {
  return statementsOf(kernel.body).flatMap((s) => {
    if (s.kind !== 'operation') return [];
    const op = kernel.types[s.operands[0]!] === 'f32' ? 'xor' : 'multiply';
    return [
      { kernel: withStatement(kernel, s, { ...s, op }), what: `${s.op} as ${op}` },
      {
        kernel: withStatement(kernel, s, { ...s, operands: s.operands.slice(1) }),
        what: `${s.op} without an operand`,
      },
    ];
  });
}

/** Locals that statements use, those in loops and guards included. */
function usedLocals(statements: readonly Statement[]): Set<Local> {
  const used = new Set<Local>();
  for (const s of statementsOf(statements)) {
    if (s.kind === 'operation') for (const operand of s.operands) used.add(operand);
    if (s.kind === 'shift' || s.kind === 'lookup' || s.kind === 'fold') used.add(s.operand);
    if (s.kind === 'store' || s.kind === 'assign') used.add(s.value);
    if (s.kind === 'accumulator') used.add(s.initial);
    if (s.kind === 'ifAny') used.add(s.mask);
    if (s.kind === 'assign' || s.kind === 'multiplyAdd') used.add(s.accumulator);
    if (s.kind === 'multiplyAdd') used.add(s.a).add(s.b);
  }
  return used;
}
