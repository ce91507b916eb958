// The verifier of plans finds what is wrong between launches: a plan of a real training step passes, and fails once a
// launch is dropped, moved, or given another place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gradients } from '../graph/gradients.ts';
import { trace } from '../graph/trace.ts';
import type { Launch, Plan } from './backend.ts';
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
const changed = (k: number, parts: Partial<Launch>): Plan =>
  withLaunches(plan.launches.map((launch, other) => (other === k ? { ...launch, ...parts } : launch)));
const pairAt = plan.launches.findIndex(({ nextChunks }) => nextChunks !== undefined);

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
    passed.map(({ kernel }) => plan.kernels[kernel]!.name),
    ['combine_6', 'copy_8'],
  );
});

test('a launch before the one that it needs is found', () => {
  // The last launch to the front: whatever it loads is not there yet.
  const [last] = plan.launches.slice(-1);
  assert.match(
    faultsOf(withLaunches([last!, ...plan.launches.slice(0, -1)])),
    /not stored before, or overwritten since/,
  );
  const reversed = withLaunches(plan.launches.map(({ nextChunks: _pair, ...launch }) => launch).reverse());
  assert.match(faultsOf(reversed), /not stored before, or overwritten since/);
});

test('a buffer with another number or place is found', () => {
  let tried = 0;
  for (const [k, { buffers }] of plan.launches.entries()) {
    for (const [slot, place] of buffers.entries()) {
      if (place.space !== 'arena') continue;
      // Another value begins where this one does not.
      const moved = buffers.with(slot, { space: 'arena', offset: place.offset + 48 });
      faultsOf(changed(k, { buffers: moved }));
      tried++;
    }
    assert.match(
      faultsOf(changed(k, { buffers: buffers.slice(1) })),
      /the kernel takes \d+ buffers, not \d+/,
    );
    assert.match(faultsOf(changed(k, { words: [1, 2, 3] })), /the kernel takes \d words, not 3/);
  }
  assert.ok(tried > 8);
  const { length } = plan.bindings;
  assert.match(
    faultsOf(
      changed(0, { buffers: plan.launches[0]!.buffers.map(() => ({ space: 'binding', binding: length })) }),
    ),
    /b0: the plan has 4 bindings, not number 4/,
  );
  assert.match(
    faultsOf(changed(0, { buffers: plan.launches[0]!.buffers.map(() => ({ space: 'arena', offset: -16 })) })),
    /b0: offset -16 is not in the arena of \d+ elements/,
  );
  assert.match(
    faultsOf(changed(0, { kernel: 99 })),
    /launch 0, unknown: the plan has \d+ kernels, not number 99/,
  );
});

test('a store to an input, an address behind an end, and an output that is not written are found', () => {
  const bindings = plan.bindings.map((binding) => ({ ...binding, role: 'input' as const }));
  assert.match(faultsOf({ ...plan, bindings }), /b\d: the input "ofX" is stored to/);
  const shorter = plan.bindings.map((binding) => ({ ...binding, elements: binding.elements - 100 }));
  assert.match(faultsOf({ ...plan, bindings: shorter }), /element \d+ of "x" is reached, which has \d+/);
  const longer = plan.bindings.map((binding) => ({ ...binding, elements: binding.elements + 100 }));
  assert.match(faultsOf({ ...plan, bindings: longer }), /the output "ofX" is not stored as a whole/);
  const offsets = plan.launches.flatMap(({ buffers }) =>
    buffers.map((place) => (place.space === 'arena' ? place.offset : 0)),
  );
  const arenaElements = Math.max(...offsets);
  assert.match(
    faultsOf({ ...plan, arenaElements }),
    new RegExp(`of the arena is reached, which has ${arenaElements}$`, 'm'),
  );
});

test('buffers of one launch that overlap, one of them stored to, are found', () => {
  const k = plan.launches.findIndex(
    ({ buffers }) => buffers.filter(({ space }) => space === 'arena').length > 1,
  );
  const { buffers } = plan.launches[k]!;
  const [place] = buffers.filter(({ space }) => space === 'arena');
  const same = buffers.map((other) => (other.space === 'arena' ? place! : other));
  assert.match(faultsOf(changed(k, { buffers: same })), /b\d and b\d overlap, and one of them is stored to/);
});

test('launches of a pair that need one another, or whose chunks do not fit, are found', () => {
  const first = plan.launches[pairAt]!;
  assert.match(
    faultsOf(changed(pairAt, { nextChunks: first.nextChunks! + 1 })),
    /chunks with \d+ each do not make/,
  );
  const last = plan.launches.length - 1;
  assert.match(faultsOf(changed(last, { nextChunks: 1 })), /the pair has no second launch/);
  const needed = plan.launches.flatMap(({ nextChunks }, k) =>
    k + 1 < plan.launches.length && nextChunks === undefined ? [changed(k, { nextChunks: 1 })] : [],
  );
  const found = needed.filter((broken) =>
    /its partner in the pair stores to what this launch touches/.test(verifyPlan(broken).join('\n')),
  );
  assert.ok(found.length >= 3, `${found.length} of ${needed.length}`);
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
