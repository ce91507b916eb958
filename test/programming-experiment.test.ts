// The programming experiment of Rasch 2024: a matrix of 20 x 20 learns to multiply as a target matrix does, from random
// inputs alone, on devices of 20 states. How far it comes tells whether the rates of the Tiki-Taka family are right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostTensor } from '../src/base/parameters.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import { softBoundsDevice } from '../src/cells/published-pulse-devices.ts';
import type { PulseDeviceSpec } from '../src/cells/pulse-device.ts';
import type { Engine } from '../src/engine.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { ruleSchema } from '../src/insitu/settings.ts';
import { updateRule } from '../src/insitu/update-rule.ts';
import type { ParameterSpec } from '../src/nn/network.ts';
import type { RuleContext } from '../src/rules/update-rule.ts';
import { backends, withEngine } from './compare.ts';

const N = 20;
const SAMPLES = 10_000;
/** λ of the paper. */
const RATE = 0.1;
const SEEDS = [1, 2, 3];
const wasm = backends.find(({ name }) => name === 'wasm')!;

/**
 * The device of equation 4 with the spreads of figure 4: 20 states; reference at the symmetry point, off by `offset` ξ.
 *
 * @param boundSpread s_b, 0 for the slow array
 */
function device({
  offset = 0,
  boundSpread,
}: {
  readonly offset?: number;
  readonly boundSpread: number;
}): PulseDeviceSpec {
  const soft = softBoundsDevice({
    states: N,
    stepSpread: 0.3,
    upDownSpread: 0.1,
    boundSpread,
    cycleSpread: 0.3,
  });
  return {
    ...soft,
    step: { ...soft.step, distribution: 'log-normal' },
    law: {
      kind: 'soft-bounds-reference',
      noise: 'additive',
      slopeSpread: { up: 0, down: 0 },
      reference: { mean: 0, spread: offset, isSymmetryPoint: true },
    },
  };
}

const slowDevice = device({ boundSpread: 0 });
const common = { fullWeight: { kind: 'fixed', weight: 1 }, trains: { length: 5 } };
/** λ_H = λ n_s n / (γ₀ δ) with γ₀ = 200, n_s = 5; λ_A of trains of l_max = 5 that are about full. */
const handing = { rate: 1, isScaled: true, granularity: 1, automatic: 200, momentum: 0 };

const methods = {
  TTv2: { kind: 'chopped', ...handing, chopProbability: 0 },
  'c-TTv2': { kind: 'chopped', ...handing, chopProbability: 0.1 },
  AGAD: { kind: 'dynamic', ...handing, chopProbability: 0.1, tail: 5 },
} as const;

function tikiTaka(method: keyof typeof methods, offset: number): object {
  return {
    kind: 'tiki-taka',
    ...common,
    device: device({ offset, boundSpread: 0.3 }),
    slowDevice,
    fastRate: { kind: 'automatic', share: 1 },
    every: 5,
    transfer: methods[method],
  };
}

/** Standard deviation of the weights from their targets, mean over the last quarter of the samples. */
async function errorOf(engine: Engine, settings: object, seed: number): Promise<number> {
  const rule = updateRule(ruleSchema.parse(settings));
  const parameter: ParameterSpec = {
    name: 'layer.weights',
    shape: [N, N],
    role: 'weights',
    initial: { kind: 'constant', value: 0 },
  };
  const specs = rule.states(parameter);
  const contextOf = (t: Trace, key: string): RuleContext => {
    for (const { name, shape } of specs) t.state(name, shape);
    return {
      parameter,
      weights: t.state(parameter.name, parameter.shape),
      state: (name) => t.state(name, specs.find((spec) => spec.name === name)!.shape),
      key: () => t.key(key),
    };
  };
  const begin = trace((t) => {
    const { weights, states } = rule.begin!(contextOf(t, 'begin'));
    return { outputs: {}, updates: { [parameter.name]: weights, ...states } };
  });
  const step = trace((t) => {
    const context = contextOf(t, 'rule');
    const off = context.weights.subtract(t.state('target', [N, N]));
    const x = t.key('inputs').normal([1, N]);
    // The loss is ½ |x (W − target)|².
    const delta = x.matmul(off);
    const { weights, states } = rule.update({
      ...context,
      gradient: x.transpose().matmul(delta),
      factors: () => [{ x, delta }],
      learningRate: t.scalar('rate'),
      scalar: (name) => t.scalar(name),
    });
    const mean = off.mean();
    const spread = off.square().mean().subtract(mean.square()).sqrt();
    return { outputs: { spread }, updates: { [parameter.name]: weights, ...states } };
  });
  const draw = randomSequence(deriveKey(keyFromSeed(seed), 'targets'));
  const [begins, steps] = [await engine.compile(begin), await engine.compile(step)];
  const store = await engine.store({
    target: hostTensor(
      [N, N],
      Float32Array.from({ length: N * N }, () => 0.3 * draw.normal()),
    ),
    ...Object.fromEntries(
      [parameter, ...specs].map(({ name, shape }) => [
        name,
        hostTensor(shape, new Float32Array(elementCount(shape))),
      ]),
    ),
  });
  try {
    const root = keyFromSeed(seed);
    await begins.run({ state: store, keys: { begin: deriveKey(root, 'begin') } });
    let sum = 0;
    for (let k = 0; k < SAMPLES; k++) {
      const keys = { inputs: deriveKey(root, 'inputs', k), rule: deriveKey(root, 'rule', k) };
      const { spread } = await steps.run({ state: store, scalars: { ...rule.scalars(k), rate: RATE }, keys });
      if (k >= 0.75 * SAMPLES) sum += spread![0]!;
    }
    return sum / (0.25 * SAMPLES);
  } finally {
    store.free();
    begins.free();
    steps.free();
  }
}

/** Mean over device seeds. */
async function meanError(engine: Engine, settings: object): Promise<number> {
  let sum = 0;
  for (const seed of SEEDS) sum += await errorOf(engine, settings, seed);
  return sum / SEEDS.length;
}

// The paper: in-memory descent above 25 %, TTv2 about 5 %, with an offset of 0.1 about 9 %; AGAD does not depend on the
// offset; c-TTv2 tolerates offsets of some tenths. Here errors are in shares of the full weight, 1. Single seeds differ by
// some 0.005, the mean of three by 0.003: the bounds are 5 σ and more from what is measured, but for that of TTv2 without
// and with an offset of 0.1, whose ratio of 1.3 is 4 σ above its bound.
test('matrices are programmed as published: descent in memory fails, offsets hurt TTv2, and AGAD not at all', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const inMemory = await meanError(engine, { kind: 'pulsed', ...common, device: slowDevice });
    const [ttv2, ttv2Off, ttv2Far] = [
      await meanError(engine, tikiTaka('TTv2', 0)),
      await meanError(engine, tikiTaka('TTv2', 0.1)),
      await meanError(engine, tikiTaka('TTv2', 0.3)),
    ];
    const choppedFar = await meanError(engine, tikiTaka('c-TTv2', 0.3));
    const [agad, agadFar] = [
      await meanError(engine, tikiTaka('AGAD', 0)),
      await meanError(engine, tikiTaka('AGAD', 0.3)),
    ];
    const told = JSON.stringify({ inMemory, ttv2, ttv2Off, ttv2Far, choppedFar, agad, agadFar });
    assert.ok(inMemory > 0.25, told);
    assert.ok(ttv2 > 0.035 && ttv2 < 0.07, told);
    assert.ok(ttv2Off > 1.1 * ttv2 && ttv2Off < 0.12, told);
    assert.ok(ttv2Far > 0.15, told);
    assert.ok(choppedFar < 0.11, told);
    assert.ok(agad < 0.1 && Math.abs(agadFar / agad - 1) < 0.2, told);
  });
});
