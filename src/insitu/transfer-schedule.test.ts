// The schedule of transfers in f32, far beyond the whole numbers that f32 can count.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { hostTensor } from '../base/parameters.ts';
import { trace } from '../graph/trace.ts';
import type { TransferMethod } from './transfer.ts';
import { dueAfter, scheduleAfter, scheduleOf, scheduleSpecs, scheduleStates } from './transfer-schedule.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const buffered = { rate: 1, isScaled: false, momentum: 0, forgets: true, granularity: 1 };

const methods: readonly { readonly method: TransferMethod; readonly period: number }[] = [
  { method: { kind: 'direct', rate: 1, isScaled: false }, period: 1 },
  { method: { kind: 'dynamic', ...buffered, chopProbability: 0.3, tail: 5 }, period: 4 },
  { method: { kind: 'chopped', ...buffered, chopProbability: 0.1, isRegular: true }, period: 10 },
  { method: { kind: 'chopped', ...buffered, chopProbability: 0, isRegular: true }, period: 1 },
];

for (const { method, period } of methods) {
  test(`rows take turns and reads keep their place after 300 million samples: ${method.kind} of ${period}`, async () => {
    const [samples, every, rows] = [1_000_003, 3, 29];
    const specs = scheduleSpecs('layer');
    const graph = trace((t) => {
      const schedule = scheduleOf('layer', (name) => t.state(name, []));
      // Asked at the last sample of the step.
      const due = dueAfter(schedule, t.scalar('passed'), { every, rows });
      const next = scheduleAfter(schedule, samples, { every, rows }, method);
      return { outputs: due, updates: scheduleStates('layer', next) };
    });
    await withEngine(wasm, 1, async (engine) => {
      const executable = await engine.compile(graph);
      const state = await engine.store(
        Object.fromEntries(specs.map(({ name }) => [name, hostTensor([], Float32Array.of(0))])),
      );
      let all = 0;
      let seen = 0;
      for (let step = 0; step < 300; step++) {
        const passed = 1 + ((step * 333_331) % samples);
        const { row, reads } = await executable.run({ scalars: { passed }, state });
        const position = all + passed;
        const transfers = position / every - 1;
        const expected = position % every === 0 ? transfers % rows : -1;
        assert.equal(row![0], expected, `after ${position} samples`);
        if (expected >= 0) {
          const wanted = Math.floor(transfers / rows);
          seen++;
          assert.equal(reads![0]! % period, wanted % period);
          assert.equal(reads![0]! > period, wanted > period);
          assert.ok(reads![0]! < 2 ** 22);
        }
        all += samples;
      }
      assert.ok(all > 2 ** 24 && seen > 50);
      executable.free();
      state.free();
    });
  });
}
