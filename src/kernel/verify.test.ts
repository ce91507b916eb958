// The verifier finds what is wrong: kernels of real networks pass, and fail once they are broken, wherever that is done.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile/compile.ts';
import { lane } from '../compile/draft.ts';
import { gradients } from '../graph/gradients.ts';
import { recur } from '../graph/recurrence.ts';
import { trace } from '../graph/trace.ts';
import { KernelBuilder } from './builder.ts';
import { type Int, literal, plus, times, variable } from './int.ts';
import { type Kernel, SCRATCH, type Statement } from './kernel.ts';
import {
  type Mutant,
  statementsOf,
  withDoubles,
  withHoists,
  withMovedAddresses,
  withoutDefinitions,
  withStatement,
  withSwaps,
  withWrongCounts,
  withWrongOperations,
  withWrongVariables,
} from './mutate.test-data.ts';
import { printKernel } from './print.ts';
import { verifyKernel } from './verify.ts';
import { accessesOf } from './verify-memory.ts';

/** Kernels of a training step: both kinds of convolution with gradients, reductions, draws, an update in place. */
const kernels: readonly Kernel[] = [4, 16].flatMap(
  (lanes) =>
    compile(
      trace((t) => {
        const x = t.input('x', [6, 9, 9, 20]);
        const filters = [t.state('wide', [3, 3, 20, 24]), t.state('strided', [2, 2, 24, 12])] as const;
        const noise = t.key('noise').derive('filter').normal([2, 2, 24, 12]);
        const padded = x.convolve(filters[0], { stride: [1, 1], padding: [1, 1] }).relu();
        const y = padded.convolve(filters[1].add(noise), { stride: [2, 2], padding: [1, 1] });
        const centred = y.subtract(y.mean([0, 1, 2]));
        const loss = centred
          .square()
          .sum()
          .add(padded.max([1, 2]).exp().sum());
        const slopes = gradients(loss, filters);
        const { rate } = recur({
          count: 3,
          initial: { rate: loss.broadcastTo([30]) },
          step: (s, { item }) => ({
            next: { rate: s.rate.add(item(t.key('noise').normal([3, 30]))) },
            where: item(x.reshape([-1]).slice([0], [90]).reshape([3, 30])).less(s.rate),
          }),
        });
        const updates = filters.map((filter, k) => filter.subtract(slopes[k]!.multiply(t.scalar('rate'))));
        return { outputs: { loss, rate }, updates: { wide: updates[0]!, strided: updates[1]! } };
      }),
      { lanes, registers: 16 },
    ).kernels,
);

/** At most so many mutants of a kernel, evenly spread. */
const PER_KERNEL = 30;

/** Mutants that pass, of every kernel. */
function missed(mutate: (kernel: Kernel) => readonly Mutant[]): {
  readonly missed: string[];
  readonly tried: number;
} {
  const mutants = kernels.flatMap((kernel) => {
    const all = mutate(kernel);
    return all.filter((_, k) => k % Math.ceil(all.length / PER_KERNEL) === 0);
  });
  const passed = mutants.filter(({ kernel }) => verifyKernel(kernel).length === 0);
  return { missed: passed.map(({ kernel, what }) => `${kernel.name}: ${what}`), tried: mutants.length };
}

test('kernels of real networks have no faults', () => {
  assert.ok(kernels.length > 30);
  assert.deepEqual(kernels.flatMap(verifyKernel), []);
});

const mutations: Readonly<Record<string, (kernel: Kernel) => readonly Mutant[]>> = {
  'a definition that is missing': withoutDefinitions,
  'a second definition': withDoubles,
  'a use before the definition': withSwaps,
  'a value in front of the loop that it depends on': withHoists,
  'a variable that no loop counts, or not so far': withWrongVariables,
  'a store of no lanes, or of more than there are': withWrongCounts,
  'an operation of another type, or with an operand too few': withWrongOperations,
  'an address before the beginning of its buffer': (kernel) => withMovedAddresses(kernel, -(2 ** 24)),
  'an address behind the end of scratch memory': (kernel) =>
    withMovedAddresses(kernel, kernel.scratch, ({ buffer }) => buffer === SCRATCH),
};

for (const [name, mutate] of Object.entries(mutations)) {
  test(`${name} is found in every kernel, wherever it is`, () => {
    const { missed: found, tried } = missed(mutate);
    assert.ok(tried > 100, `${tried} mutants`);
    assert.deepEqual(found, []);
  });
}

/**
 * Loads of what the chunk has stored, each moved in front of all stores, with the address that it has at the first turn
 * of all loops. Those whose value nobody stores are left out.
 */
function withEarlyLoads(kernel: Kernel): Mutant[] {
  return accessesOf(kernel).flatMap(({ statement: s, isFixed, lanes }) => {
    if (s.kind !== 'load' || !isFixed || lanes === 0) return [];
    const isChunk = ({ atom }: Int['terms'][number]): boolean =>
      atom.kind === 'variable' && atom.name === 'chunk';
    const index = { ...s.index, terms: s.index.terms.filter(isChunk) };
    const { body } = withStatement(kernel, s);
    return [
      { kernel: { ...kernel, body: [{ ...s, index }, ...body] }, what: `v${s.target} before the stores` },
    ];
  });
}

test('a load of what the chunk has stored is found where it stands before the stores', () => {
  const { missed: found, tried } = missed(withEarlyLoads);
  assert.ok(tried > 100, `${tried} mutants`);
  assert.deepEqual(found, []);
});

test('a store that is moved over a load of the element’s old value is found', () => {
  // Updates in place: the load of a state moves behind the store to it.
  const mutants = kernels.flatMap((kernel) =>
    [kernel.body, ...statementsOf(kernel.body).flatMap((s) => ('body' in s ? [s.body] : []))].flatMap(
      (list) => {
        const load = list.find((s) => s.kind === 'load' && s.buffer !== SCRATCH && s.isFixed !== true);
        const store = list.find(
          (s) =>
            s.kind === 'store' && load?.kind === 'load' && s.buffer === load.buffer && s.buffer !== SCRATCH,
        );
        if (load === undefined || store === undefined) return [];
        const other = { ...store, value: (load as { readonly target: number }).target } as Statement;
        return [
          withStatement(withStatement(kernel, store), load, other, load),
          withStatement(kernel, load, store, load),
        ];
      },
    ),
  );
  assert.ok(mutants.length > 4);
  for (const mutant of mutants)
    assert.ok(
      verifyKernel(mutant).some((fault) => /but a store may come before it/.test(fault)),
      printKernel(mutant),
    );
});

test('a store that forgets the chunk, or steps by less than it writes, is found', () => {
  const mutants = kernels
    .filter(({ chunks }) => chunks > 2)
    .flatMap((kernel) =>
      statementsOf(kernel.body).flatMap((s) => {
        if (s.kind !== 'store' || s.buffer === SCRATCH) return [];
        const at = s.index.terms.findIndex(({ atom }) => atom.kind === 'variable' && atom.name === 'chunk');
        const term = s.index.terms[at];
        if (term === undefined || hasGuardOnChunk(kernel)) return [];
        const without = { ...s.index, terms: s.index.terms.toSpliced(at, 1) };
        const closer = { ...s.index, terms: s.index.terms.with(at, { ...term, coefficient: s.count - 1 }) };
        return [without, ...(s.count > 1 ? [closer] : [])].map((index) =>
          withStatement(kernel, s, { ...s, index }),
        );
      }),
    );
  assert.ok(mutants.length > 50);
  for (const mutant of mutants)
    assert.ok(
      verifyKernel(mutant).some((fault) => /that one chunk stores is stored by another/.test(fault)),
      printKernel(mutant),
    );
});

/** True for kernels that give single chunks code of their own: their stores need no chunk in the address. */
function hasGuardOnChunk(kernel: Kernel): boolean {
  return statementsOf(kernel.body).some(
    (s) =>
      s.kind === 'if' && s.index.terms.some(({ atom }) => atom.kind === 'variable' && atom.name === 'chunk'),
  );
}

const row = (i: Int): Int => plus(times(i, 4), lane(4));
const parts = { name: 'k', buffers: 2, pushConstants: 1, chunks: 8 };

/** A small kernel that is sound. */
function sample(): Kernel {
  const b = new KernelBuilder(4);
  const chunk = variable('chunk', 8);
  const sum = b.accumulator(b.literal(0));
  const base = b.reserve(12);
  b.loop(3, (i) => {
    b.store(SCRATCH, plus(row(i), literal(base)), b.load(0, row(i)));
    b.multiplyAdd(sum, b.load(SCRATCH, plus(row(i), literal(base))), b.literal(2));
  });
  b.store(1, row(chunk), b.operation('add', sum, b.operation('toFloat', b.pushConstant(0))));
  return b.finish(parts);
}

test('a fault names the kernel, the line of its text and the statement', () => {
  const kernel = sample();
  assert.deepEqual(verifyKernel(kernel), []);
  const text = printKernel(kernel).split('\n');
  const line = text.findIndex((other) => other.includes(' += '));
  const statement = statementsOf(kernel.body).find(({ kind }) => kind === 'multiplyAdd')!;
  const broken = withStatement(kernel, statement, { ...statement, a: 99 } as Statement);
  assert.deepEqual(verifyKernel(broken), [
    `k, line ${line + 1}, "${text[line]!.trim().replace(/v\d+ \*/, 'v99 *')}": v99 is used before it is defined`,
  ]);
});

test('every limit of the language is held', () => {
  const kernel = sample();
  const find = <K extends Statement['kind']>(kind: K): Extract<Statement, { kind: K }> =>
    statementsOf(kernel.body).find((s) => s.kind === kind) as Extract<Statement, { kind: K }>;
  const [load, store, loop] = [find('load'), find('store'), find('for')];
  const sum = find('accumulator').target;
  const at = (old: Statement, ...by: Statement[]): string =>
    verifyKernel(withStatement(kernel, old, ...by)).join('\n');
  const constant = find('pushConstant');
  const next = kernel.types.length;
  const widened = { ...kernel, types: [...kernel.types, 'f32' as const] };
  const added = (s: Statement): string => verifyKernel({ ...widened, body: [...widened.body, s] }).join('\n');
  assert.match(at(load, { ...load, buffer: 2 }), /buffer 2 is not one of -1 … 1/);
  assert.match(at(constant, { ...constant, position: 1 }), /push constant 1 is not one of 0 … 0/);
  assert.match(at(loop, { ...loop, count: 0 }), /a loop runs at least once, not 0 times/);
  assert.match(
    at(loop, { ...loop, variable: 'chunk' }),
    /the variable chunk is taken by a loop around this one/,
  );
  assert.match(at(store, { ...store, index: row(literal(0)) }), /one for all lanes and depends on the lane/);
  assert.match(at(load, { ...load, type: 'i32' }), /declared as f32, its value is i32/);
  assert.match(added({ kind: 'assign', accumulator: constant.target, value: sum }), /v\d+ is no accumulator/);
  assert.match(added({ kind: 'assign', accumulator: sum, value: constant.target }), /v\d+ is i32, not f32/);
  assert.match(
    added({ kind: 'lookup', target: next, position: 0, operand: constant.target }),
    /the table at 0 is not one of/,
  );
  assert.match(added({ kind: 'scalar', target: next, type: 'f32', slot: -1 }), /scalar -1 is not one of/);
  assert.match(
    added({ kind: 'shift', target: next, direction: 'left', operand: constant.target, bits: 32 }),
    /the number of bits 32 is not one of 0 … 31/,
  );
  assert.match(
    verifyKernel({
      ...kernel,
      constants: new Array<number>(64).fill(0),
      body: [...kernel.body, { kind: 'lookup', target: next, position: 8, operand: constant.target }],
    }).join('\n'),
    /tables begin at multiples of 32, not at 8/,
  );
});

test('what runs on a condition may be skipped: its stores are no stores that a load of scratch memory may rely on', () => {
  const given = (isConditional: boolean): Kernel => {
    const b = new KernelBuilder(4);
    const x = b.load(0, row(literal(0)));
    const base = b.reserve(4);
    const place = plus(row(literal(0)), literal(base));
    const store = (): void => b.store(SCRATCH, place, x);
    if (isConditional) b.ifAny(b.operation('less', x, b.literal(0)), store);
    else store();
    b.store(1, row(literal(0)), b.load(SCRATCH, place));
    return b.finish({ ...parts, chunks: 1 });
  };
  assert.deepEqual(verifyKernel(given(false)), []);
  assert.match(verifyKernel(given(true)).join('\n'), /loads elements 0 … 0 before all of them are stored/);
});

test('the mask of a condition is a vector of integers, known before it', () => {
  const b = new KernelBuilder(4);
  const x = b.load(0, row(literal(0)));
  b.ifAny(b.operation('less', x, b.literal(0)), () => b.store(1, row(literal(0)), x));
  const kernel = b.finish({ ...parts, chunks: 1 });
  const statement = statementsOf(kernel.body).find((s) => s.kind === 'ifAny')!;
  const faults = (mask: number): string =>
    verifyKernel(withStatement(kernel, statement, { ...statement, mask } as Statement)).join('\n');
  assert.equal(faults((statement as { readonly mask: number }).mask), '');
  assert.match(faults(x), /v\d+ is f32, not i32/);
  assert.match(faults(99), /v99 is used before it is defined/);
});

test('only the last statement of a loop may end it', () => {
  const given = (isLoop: boolean, isLast: boolean): string => {
    const b = new KernelBuilder(4);
    const x = b.load(0, row(literal(0)));
    const part = (): void => {
      b.ifAny(b.operation('less', x, b.literal(0)), () => b.store(1, row(literal(0)), x), { endsLoop: true });
      if (!isLast) b.store(1, row(literal(0)), x);
    };
    if (isLoop) b.loop(3, part);
    else part();
    return verifyKernel(b.finish({ ...parts, chunks: 1 })).join('\n');
  };
  assert.equal(given(true, true), '');
  for (const [isLoop, isLast] of [
    [false, true],
    [true, false],
  ] as const)
    assert.match(given(isLoop, isLast), /only the last statement of a loop may end it/);
});
