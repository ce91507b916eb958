// PCM under SET pulses against statistics of the published model, and against its formula written out once more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { keyFromSeed } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { pcmPulseModel } from './pcm-pulses.ts';
import { pcmNandakumar2018 } from './published-pulse-devices.ts';
import { drawsOf, fabricated, momentsOf, sendPulses, upThenDown } from './pulse-train.test-data.ts';

const DEVICES = 65_536;

/** Mean over 200,000 devices of the same formulas in NumPy, from 0.1 µS, Gmax 20 µS, given to 0.01; then the spreads. */
const means: readonly (readonly [pulse: number, mean: number])[] = [
  [1, 2.06],
  [2, 3.44],
  [3, 4.47],
  [4, 5.28],
  [5, 5.92],
  [6, 6.44],
  [7, 6.87],
  [8, 7.24],
  [9, 7.56],
  [10, 7.83],
  [20, 9.4],
];
const spreads: readonly (readonly [pulse: number, std: number])[] = [
  [1, 1.52],
  [5, 2.38],
  [10, 2.46],
  [20, 2.67],
];

// 65,536 devices: 4.5 σ of both samples, and the rounding of the given numbers; false alarm 1e-4 for all.
test('conductances after 1 to 20 pulses have the means and spreads of the published model', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const model = pcmPulseModel(pcmNandakumar2018);
    const devices = await fabricated(engine, model, DEVICES, 1);
    const reset = momentsOf(devices['value']!);
    assert.ok(Math.abs(reset.mean - 0.1) < 4.5 * reset.meanError);
    assert.ok(Math.abs(reset.std - 0.01) < 4.5 * reset.stdError);
    const both = Math.sqrt(1 + DEVICES / 200_000);
    const seen: number[] = [];
    await sendPulses(engine, model, {
      devices,
      isUp: upThenDown(10, 10),
      seed: 2,
      look: ({ value, pulses }, k) => {
        const { mean, std, meanError, stdError } = momentsOf(value!);
        seen.push(mean);
        const expected = means.find(([pulse]) => pulse === k + 1)?.[1];
        const spread = spreads.find(([pulse]) => pulse === k + 1)?.[1];
        if (expected !== undefined)
          assert.ok(Math.abs(mean - expected) < 4.5 * both * meanError + 0.005, `pulse ${k + 1}: ${mean}`);
        if (spread !== undefined)
          assert.ok(Math.abs(std - spread) < 4.5 * both * stdError + 0.005, `pulse ${k + 1}: ${std}`);
        assert.ok(value!.every((g) => g >= 0.1 - 1e-6 && g <= 20));
        assert.ok(pulses!.every((n) => n === k + 1));
      },
    });
    // The model's own mean curve is exact to a percent.
    assert.ok(Math.abs(model.granularity / ((seen[9]! - 0.1) / 10) - 1) < 0.01, `${model.granularity}`);
  });
});

test('one pulse adds N(μ, s²), with the memory of the pulse itself', () => {
  const model = pcmPulseModel({ ...pcmNandakumar2018, gMaxMicrosiemens: 12 });
  const g = Array.from({ length: 300 }, (_, i) => 0.1 + (12 * i) / 300);
  const n = g.map((_, i) => i % 25);
  const shape = [g.length];
  const graph = trace((t) => {
    const values = { value: t.input('g', shape), pulses: t.input('n', shape) };
    const isUp = t.scalar('isUp').broadcastTo(shape).equal(1);
    const next = model.pulse(values, isUp, drawsOf(t.key('key'), shape));
    return { outputs: { ...next, xi: drawsOf(t.key('key'), shape)(), noise: model.readVariance(values) } };
  });
  const [a, b] = keyFromSeed(3);
  const { value, pulses, xi, noise } = interpret(graph, {
    g,
    n,
    isUp: [0],
    'key.0': [a],
    'key.1': [b],
  }).outputs;
  for (const [i, before] of g.entries()) {
    const memory = Math.exp(-(n[i]! + 1) / 2.6);
    const mu = -0.084 * before + 0.88 + 1.4 * memory;
    const s = 0.091 * before + 0.26 + 2.15 * memory;
    const expected = Math.min(12, Math.max(0.1, before + mu + s * xi![i]!));
    assert.ok(Math.abs(value![i]! - expected) < 1e-12);
    assert.equal(pulses![i], n[i]! + 1);
    assert.ok(Math.abs(noise![i]! - (0.03 * before + 0.13) ** 2) < 1e-12);
  }
});

test('programmed devices have the pulse count of the mean curve', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const model = pcmPulseModel(pcmNandakumar2018);
    const targets = [0.1, 2.06, 4.47, 5.92, 7.83, 9.4, 15, 30];
    const graph = trace((t) => {
      const made = model.fabricate([targets.length], t.key('key'));
      return { outputs: model.at(made, t.input('targets', [targets.length])) };
    });
    const program = await engine.compile(graph);
    const { value, pulses } = await program.run({
      inputs: { targets: Float32Array.from(targets) },
      keys: { key: keyFromSeed(1) },
    });
    assert.deepEqual([...value!.slice(0, 7)], [...Float32Array.from(targets.slice(0, 7))]);
    assert.equal(value![7], 20, 'no device holds more than Gmax');
    for (const [k, count] of [0, 1, 3, 5, 10, 20].entries())
      assert.ok(Math.abs(pulses![k]! - count) < 0.05 + 0.03 * count, `${targets[k]} µS: ${pulses![k]}`);
    // Beyond the curve its last count; 32-bit sums of its stretches.
    for (const k of [6, 7]) assert.ok(Math.abs(pulses![k]! - 40) < 1e-3, `${pulses![k]}`);
  });
});

test('the range ends where pulses no longer raise the mean, or at Gmax', () => {
  assert.deepEqual(pcmPulseModel(pcmNandakumar2018).range, [0.1, 0.88 / 0.084]);
  assert.deepEqual(pcmPulseModel({ ...pcmNandakumar2018, gMaxMicrosiemens: 8 }).range, [0.1, 8]);
});

test('values drift from the age t₀ on, by a power of age', () => {
  const model = pcmPulseModel(pcmNandakumar2018);
  const still = pcmPulseModel({ ...pcmNandakumar2018, drift: { kind: 'none' } });
  const graph = trace((t) => {
    const [value, age] = [t.input('g', [4]), t.input('age', [4])];
    return { outputs: { g: model.drifted(value, age), still: still.drifted(value, age) } };
  });
  const outputs = interpret(graph, { g: [5, 5, 5, 5], age: [0, 38.6, 386, 3860] }).outputs;
  const expected = [5, 5, 5 * 10 ** -0.04, 5 * 100 ** -0.04];
  for (const [k, g] of expected.entries()) assert.ok(Math.abs(outputs['g']![k]! - g) < 1e-12);
  assert.deepEqual([...outputs['still']!], [5, 5, 5, 5]);
});

// 20,000 devices, 4.5 σ; false alarm 1e-5.
test('RESET forgets pulses and conductance, and nothing leaks', () => {
  const model = pcmPulseModel({
    ...pcmNandakumar2018,
    reset: { meanMicrosiemens: 0.1, spreadMicrosiemens: 0.1, leastMicrosiemens: 0.01 },
  });
  const graph = trace((t) => {
    const shape = [20_000];
    const made = model.fabricate(shape, t.key('key'));
    const high = model.at(made, t.scalar('g').broadcastTo(shape));
    const draw = drawsOf(t.key('key').derive('cycle'), shape);
    const leaked = model.leak(high, draw);
    return { outputs: { ...model.reset(high, draw), leaked: leaked['value']! } };
  });
  const { value, pulses, leaked } = interpret(graph, { g: [8], 'key.0': [1], 'key.1': [2] }).outputs;
  assert.ok(pulses!.every((n) => n === 0) && leaked!.every((g) => g === 8));
  assert.ok(value!.every((g) => g >= 0.01));
  const above = value!.filter((g) => g > 0.1).length / 20_000;
  assert.ok(Math.abs(above - 0.5) < 4.5 * Math.sqrt(0.25 / 20_000), `${above}`);
});
