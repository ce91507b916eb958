import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trace } from '../../graph/trace.ts';
import { callsOf } from '../backend.ts';
import { compile } from '../compile.ts';
import type { Context, DraftLaunch, Memory } from '../draft.ts';
import { lowerCopy } from '../elementwise/map.ts';
import { partOf } from '../parts.ts';
import { numberKernels } from './number-kernels.ts';
import { shareLaunches } from './share-launches.ts';

const context: Context = { lanes: 8, registers: 16, memoryOf: () => undefined, scalarSlot: () => 0 };
const memory = (label: string): Memory => ({ label, elements: 64 });
const copy = (from: Memory, to: Memory): DraftLaunch => lowerCopy(context, from, to);
const shared = (launches: readonly DraftLaunch[], external: readonly Memory[] = []): string[] =>
  shareLaunches(launches, new Set(external), numberKernels().numberOf).map(({ memories }) =>
    memories.map(({ label }) => label).join(' → '),
  );

test('what is computed twice from one value is computed once, and what follows from it too', () => {
  const [x, a, b, c, d] = ['x', 'a', 'b', 'c', 'd'].map(memory) as [Memory, Memory, Memory, Memory, Memory];
  assert.deepEqual(shared([copy(x, a), copy(x, b), copy(a, c), copy(b, d)]), ['x → a', 'a → c']);
});

test('values that were overwritten in between, as a whole or in part, are computed again', () => {
  const [x, y, a, b] = ['x', 'y', 'a', 'b'].map(memory) as [Memory, Memory, Memory, Memory];
  assert.equal(shared([copy(x, a), copy(y, x), copy(x, b)]).length, 3);
  assert.equal(shared([copy(x, a), copy(y, partOf(x, 16, 16, 'part')), copy(x, b)]).length, 3);
});

test('bindings and memories with several writers are written', () => {
  const [x, y, a, b] = ['x', 'y', 'a', 'b'].map(memory) as [Memory, Memory, Memory, Memory];
  assert.equal(shared([copy(x, a), copy(x, b)], [x, b]).length, 2);
  assert.equal(shared([copy(x, a), copy(x, b), copy(y, b)]).length, 3);
});

test('a filter with several products is packed once', () => {
  const graph = trace((t) => {
    const filter = t.state('filter', [128, 512]);
    const outputs = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, t.input(`to ${name}`, [64, 128]).matmul(filter)]),
    );
    return { outputs };
  });
  const plan = compile(graph, { lanes: 8, registers: 16 });
  const names = plan.launches.flatMap(callsOf).map(({ kernel }) => plan.kernels[kernel]!.name);
  assert.deepEqual(names, ['packPanels_0', 'matmul_1', 'matmul_1', 'matmul_1']);
});
