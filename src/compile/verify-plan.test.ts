// The verifier of plans finds what is wrong between launches: a plan of a real training step passes, and fails once a
// launch is dropped, moved, or given another place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gradients } from '../graph/gradients.ts';
import { trace } from '../graph/trace.ts';
import { SCRATCH } from '../kernel/kernel.ts';
import { withMovedAddresses } from '../kernel/mutate.test-data.ts';
import { callsOf, type KernelCall, type Launch, mapCalls, type Placement, type Plan } from './backend.ts';
import { compile } from './compile.ts';
import { verifyPlan } from './verify-plan.ts';

/** A step of a layer whose gradients are paired, with a draw, and a result that is copied out. */
const plan: Plan = compile(
  trace((t) => {
    const x = t.input('x', [16, 32, 32, 16]);
    const w = t.state('w', [3, 3, 16, 16]);
    const h = x.relu();
    const y = h.convolve(w.add(t.key('noise').normal([3, 3, 16, 16])), { stride: [1, 1], padding: [1, 1] });
    const [ofW, ofX] = gradients(y.square().sum(), [w, x]);
    return { outputs: { ofX: ofX!, old: w }, updates: { w: w.subtract(ofW!.multiply(t.scalar('rate'))) } };
  }),
  { lanes: 8, registers: 16 },
);

const withLaunches = (launches: readonly Launch[]): Plan => ({ ...plan, launches });

/** The plan with another launch in the place of number `k`. */
const changed = (k: number, launch: Launch): Plan => withLaunches(plan.launches.with(k, launch));

/** The plan with parts of the calls of launch `k` changed. */
const altered = (k: number, parts: (call: KernelCall) => Partial<KernelCall>): Plan =>
  changed(
    k,
    mapCalls(plan.launches[k]!, (call) => ({ ...call, ...parts(call) })),
  );

const calls = plan.launches.flatMap((launch) => callsOf(launch));
const pairAt = plan.launches.findIndex(({ kind }) => kind === 'pair');

/** The plan's faults, as one text; fails if there are none. */
function faultsOf(broken: Plan): string {
  const faults = verifyPlan(broken);
  assert.notEqual(faults.length, 0);
  return faults.join('\n');
}

test('the plan itself has no faults, and holds a pair', () => {
  assert.deepEqual(verifyPlan(plan), []);
  assert.ok(pairAt >= 0);
});

test('a launch that is missing is found, unless an older value lies in the place of its result', () => {
  const passed = plan.launches.filter(
    (_, k) => verifyPlan(withLaunches(plan.launches.toSpliced(k, 1))).length === 0,
  );
  // The gradient of w goes where the convolution's result was; the state w has a value from the beginning.
  assert.deepEqual(
    passed.flatMap(callsOf).map(({ kernel }) => plan.kernels[kernel]!.name),
    ['combine_4', 'copy_8'],
  );
});

test('a launch before the one that it needs is found', () => {
  const late = /not stored before, or overwritten since/;
  const [last] = plan.launches.slice(-1);
  assert.match(faultsOf(withLaunches([last!, ...plan.launches.slice(0, -1)])), late);
  assert.match(faultsOf(withLaunches(plan.launches.toReversed())), late);
});

test('a buffer with another number or place is found', () => {
  let tried = 0;
  for (const [k, launch] of plan.launches.entries()) {
    for (const call of callsOf(launch)) {
      for (const [slot, place] of call.buffers.entries()) {
        if (place.space !== 'arena') continue;
        // No value begins there.
        const moved = call.buffers.with(slot, { space: 'arena', offset: place.offset + 48 });
        faultsOf(altered(k, (other) => (other === call ? { buffers: moved } : {})));
        tried++;
      }
    }
    const fewer = altered(k, ({ buffers }) => ({ buffers: buffers.slice(1) }));
    assert.match(faultsOf(fewer), /the kernel takes \d+ buffers, not \d+/);
    assert.match(
      faultsOf(altered(k, () => ({ pushConstants: [1, 2, 3] }))),
      /the kernel takes \d push constants, not 3/,
    );
  }
  assert.ok(tried > 8);
  const placed = (place: Placement): Plan =>
    altered(0, ({ buffers }) => ({ buffers: buffers.map(() => place) }));
  assert.match(
    faultsOf(placed({ space: 'binding', binding: 4 })),
    /b0: the plan has 4 bindings, not number 4/,
  );
  assert.match(
    faultsOf(placed({ space: 'arena', offset: -16 })),
    /b0: offset -16 is not in the arena of \d+ elements/,
  );
  const unknown = altered(0, () => ({ kernel: 99 }));
  assert.match(faultsOf(unknown), /launch 0, unknown: the plan has \d+ kernels, not number 99/);
});

test('a store to an input, an address behind an end, and an output that is not written are found', () => {
  const bindings = plan.bindings.map((binding) => ({ ...binding, role: 'input' as const }));
  assert.match(faultsOf({ ...plan, bindings }), /b\d: the input "ofX" is stored to/);
  const shorter = plan.bindings.map((binding) => ({ ...binding, elements: binding.elements - 100 }));
  assert.match(faultsOf({ ...plan, bindings: shorter }), /element \d+ of "x" is reached, which has \d+/);
  const longer = plan.bindings.map((binding) => ({ ...binding, elements: binding.elements + 100 }));
  assert.match(faultsOf({ ...plan, bindings: longer }), /the output "ofX" is not stored as a whole/);
  const offsets = calls.flatMap(({ buffers }) =>
    buffers.map((place) => (place.space === 'arena' ? place.offset : 0)),
  );
  const arenaElements = Math.max(...offsets);
  assert.match(
    faultsOf({ ...plan, arenaElements }),
    new RegExp(`of the arena is reached, which has ${arenaElements}$`, 'm'),
  );
});

test('an index beyond its buffer is found in every kernel, load or store', () => {
  let tried = 0;
  for (const [k, kernel] of plan.kernels.entries()) {
    const mutants = withMovedAddresses(kernel, 2 ** 24, ({ buffer }) => buffer !== SCRATCH);
    for (const [n, mutant] of mutants.entries()) {
      if (n % Math.ceil(mutants.length / 5) !== 0) continue;
      assert.match(
        faultsOf({ ...plan, kernels: plan.kernels.with(k, mutant.kernel) }),
        /is reached, which has/,
      );
      tried++;
    }
  }
  assert.ok(tried > 20, `${tried} mutants`);
});

test('buffers of one call that overlap, one of them stored to, are found', () => {
  const inArena = ({ buffers }: KernelCall): Placement[] => buffers.filter(({ space }) => space === 'arena');
  const k = plan.launches.findIndex((launch) => launch.kind === 'single' && inArena(launch.call).length > 1);
  const same = altered(k, (call) => ({
    buffers: call.buffers.map((other) => (other.space === 'arena' ? inArena(call)[0]! : other)),
  }));
  assert.match(faultsOf(same), /b\d and b\d overlap, and one of them is stored to/);
});

test('calls of a pair that need one another, or whose chunks do not fit, are found', () => {
  const pair = plan.launches[pairAt] as Extract<Launch, { kind: 'pair' }>;
  const faster = changed(pairAt, { ...pair, ratio: pair.ratio + 1 });
  assert.match(faultsOf(faster), /launch \d+: \d+ chunks with \d+ each do not make \d+/);
  // Each call with the next one, as if they were a pair.
  const found = calls.slice(1).filter((second, k) => {
    const launch: Launch = { kind: 'pair', first: calls[k]!, second, ratio: 1 };
    const faults = verifyPlan(withLaunches([launch])).join('\n');
    return /b\d of the first call and b\d of the second overlap, and one of them is stored to/.test(faults);
  });
  assert.ok(found.length >= 4, `${found.length} of ${calls.length}`);
});

test('scalars that the plan does not have, or not in this type, are found', () => {
  assert.match(faultsOf({ ...plan, scalars: [] }), /the plan has no scalar \d/);
  const integers = plan.scalars.map((scalar) => ({ ...scalar, dtype: 'i32' as const }));
  assert.match(faultsOf({ ...plan, scalars: integers }), /scalar \d is i32, not f32/);
});

test('faults of kernels are among those of the plan', () => {
  const kernels = plan.kernels.map((kernel) => ({ ...kernel, body: kernel.body.slice(1) }));
  assert.match(faultsOf({ ...plan, kernels }), /, line \d+, ".*": v\d+ is used before it is defined/);
});

test('a result that is stored on a condition only is no whole result', () => {
  const whole = compile(
    trace((t) => ({ outputs: { y: t.input('x', [16]).add(1) } })),
    { lanes: 8, registers: 16 },
  );
  const [kernel] = whole.kernels;
  const mask = kernel!.types.length;
  const body = kernel!.body.map((s) =>
    s.kind === 'for'
      ? {
          ...s,
          body: s.body.map((own) =>
            own.kind === 'store' ? ({ kind: 'ifAny', mask, body: [own] } as const) : own,
          ),
        }
      : s,
  );
  const literal = { kind: 'literal', target: mask, type: 'i32', value: 0 } as const;
  const broken = { ...kernel!, types: [...kernel!.types, 'i32' as const], body: [literal, ...body] };
  assert.deepEqual(verifyPlan(whole), []);
  assert.deepEqual(verifyPlan({ ...whole, kernels: [broken] }), ['the output "y" is not stored as a whole']);
});
