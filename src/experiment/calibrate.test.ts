// Converter ranges of a deployment: calibrated on training images unless the parameters bring them, and in either case
// states of the store, so that networks of one shape are one plan.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import {
  tinyData as data,
  deployed,
  deploying,
  type Given,
  tinyEvaluation,
  YEAR,
} from '../../test/deployed.ts';
import { randomParameters, tinyConvolutional, trainedNetwork, watch } from '../../test/tiny.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { type Backend, printPlan } from '../compile/backend.ts';
import { compile } from '../compile/compile.ts';
import { hermes256, ideal, joshi2020 } from '../crossbar/presets.ts';
import { allRangeStates } from '../crossbar/ranges.ts';
import { fillBatch } from '../data/batches.ts';
import { type Engine, engineOn } from '../engine.ts';
import { createNativeBackend, type NativeProgram } from '../native/backend.ts';
import { findCompiler } from '../native/compiler.ts';
import type { Deployment } from './deploy.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
const engine = engineOn(await wasm.start(1));
after(() => engine.close());

const compiler = findCompiler();
const network = tinyConvolutional;
const parameters = randomParameters(network);
const hardware = hermes256;
const deploy = deploying({ engine, parameters, hardware });
const RANGES = allRangeStates(network.layers, hardware).map(({ name }) => name);
const PIXELS = 8 * 8 * 2;

/** Parameters with ranges of their own, of all converters or of some. */
function withRanges(given: Parameters, names: readonly string[], first = 2): Parameters {
  const ranges = names.map((name, k) => [name, hostTensor([], Float32Array.of(first + k / 8))]);
  return { ...given, ...(Object.fromEntries(ranges) as Parameters) };
}

/** The ranges that the store of a deployment holds, and how many programs were compiled and run before it was ready. */
async function rangesOf(
  given: Parameters,
  change: Partial<Given> = {},
): Promise<{ readonly ranges: Record<string, number>; readonly compiled: number; readonly runs: number }> {
  const watched = watch(engine);
  return deploy({ ...change, engine: watched.engine, parameters: given }, async () => {
    const store = watched.stores.find((one) => one.has('conv1.arrays.scale'))!;
    const held = await store.read(RANGES.filter((name) => store.has(name)));
    const ranges = Object.entries(held).map(
      ([
        name,
        {
          data: [value],
        },
      ]) => [name, value!],
    );
    return {
      ranges: Object.fromEntries(ranges) as Record<string, number>,
      compiled: watched.executables.length,
      runs: watched.calls.length,
    };
  });
}

test('calibration sees training images only, each once, as many as asked for', async () => {
  const watched = watch(engine);
  const evaluation = { ...tinyEvaluation, calibrationImages: 60, methods: ['none'] } as const;
  await deploy({ engine: watched.engine, evaluation }, async () => {
    const batches = watched.calls.map(({ inputs }) => inputs!['images']!);
    assert.deepEqual(
      batches.map((images) => images.length / PIXELS),
      [50, 10],
    );
    const imagesOf = (pixels: Float32Array | Int32Array): string[] =>
      Array.from({ length: pixels.length / PIXELS }, (_, k) =>
        pixels.slice(PIXELS * k, PIXELS * (k + 1)).join(),
      );
    const { train, normalization } = data;
    const known = fillBatch({ set: train, indices: [...train.labels.keys()], normalization }).images;
    const seen = batches.flatMap(imagesOf);
    assert.equal(new Set(seen).size, 60);
    const all = new Set(imagesOf(known));
    assert.ok(seen.every((image) => all.has(image)));
  });
});

test('an ideal periphery has no ranges, and nothing is calibrated', async () => {
  const { ranges, runs } = await rangesOf(parameters, { hardware: joshi2020 });
  assert.deepEqual([ranges, runs], [{}, 0]);
});

test('ranges follow the rule of the settings: with fewer root mean squares they clip more', async () => {
  const ruled = async (count: number): Promise<Record<string, number>> => {
    const ranges = { kind: 'root-mean-squares', count } as const;
    return (await rangesOf(parameters, { evaluation: { ...tinyEvaluation, ranges } })).ranges;
  };
  const [one, two, many] = [await ruled(1), await ruled(2), await ruled(100)];
  const { ranges: all } = await rangesOf(parameters, {
    evaluation: { ...tinyEvaluation, ranges: { kind: 'maximum' } },
  });
  assert.deepEqual(Object.keys(all).sort(), [...RANGES].sort());
  assert.equal(RANGES.length, 6);
  assert.deepEqual(many, all, 'more than the largest value is never needed');
  for (const name of RANGES) {
    assert.ok(one[name]! > 0 && all[name]! > 0, name);
    // An output range is in units of the input range, and both follow the rule.
    if (name.endsWith('.inputRange')) assert.ok(one[name]! < two[name]! && two[name]! <= all[name]!, name);
  }
});

test('ranges that the parameters bring are used as they are, and only others are calibrated', async () => {
  const calibrated = await rangesOf(parameters);
  const brought = withRanges(parameters, RANGES);
  const own = await rangesOf(brought);
  assert.deepEqual(own.ranges, Object.fromEntries(RANGES.map((name) => [name, brought[name]!.data[0]!])));
  assert.equal(own.runs, 0, 'nothing is calibrated');
  assert.equal(calibrated.compiled, own.compiled + 1);
  const some = RANGES.slice(0, 2);
  const mixed = await rangesOf(withRanges(parameters, some));
  for (const name of RANGES)
    assert.equal(
      mixed.ranges[name],
      some.includes(name) ? brought[name]!.data[0]! : calibrated.ranges[name],
      name,
    );
});

test('ranges of a layer that stays digital are neither needed nor kept', async () => {
  const { ranges } = await rangesOf(parameters, { hardware: { ...hardware, layers: { dense: 'digital' } } });
  assert.deepEqual(Object.keys(ranges).sort(), RANGES.filter((name) => !name.startsWith('dense')).sort());
});

test('ranges change what a chip computes: too small ones clip', async () => {
  const accuracyWith = (given: Parameters): Promise<number[]> =>
    deploy({ parameters: given, hardware: { ...hardware, cell: ideal.cell } }, async (deployment) => [
      await deployment.digitalAccuracy(),
      await deployment.accuracy({ chip: 0, timeSeconds: 0, method: 'none' }),
    ]);
  const { parameters: trained } = await trainedNetwork(engine, network, data);
  const [exact, fitting] = await accuracyWith(trained);
  assert.ok(Math.abs(fitting! - exact!) <= 1 / 60 + 1e-9, `${fitting} instead of ${exact}`);
  const [, clipped] = await accuracyWith(withRanges(trained, RANGES, 1e-3));
  assert.ok(clipped! < fitting! - 0.1, `${clipped} instead of ${fitting}`);
});

/** Deploys a network and asks everything; the plans of all programs as text, and whether kernels were compiled. */
async function plansOf(
  on: Engine,
  given: Parameters,
): Promise<{ readonly plans: string[]; readonly fresh: boolean[]; readonly accuracy: number }> {
  const plans: string[] = [];
  const watched = watch({
    ...on,
    compile: (graph) => {
      plans.push(printPlan(compile(graph, on.backend)));
      return on.compile(graph);
    },
  });
  const ask = (deployment: Deployment): Promise<number> =>
    deployment.accuracy({ chip: 0, timeSeconds: YEAR, method: 'adabs' });
  const accuracy = await deployed({ engine: watched.engine, parameters: given, hardware }, ask);
  const fresh = watched.executables.map(({ program }) => (program as NativeProgram).isFresh);
  return { plans, fresh, accuracy };
}

const others = withRanges(randomParameters(network, 1), RANGES, 3);

test('networks of one shape have equal plans, whatever their weights and ranges', async () => {
  const [one, other] = [await plansOf(engine, withRanges(parameters, RANGES)), await plansOf(engine, others)];
  assert.deepEqual(other.plans, one.plans);
  // Programming, reading, inference, AdaBS and its reset.
  assert.equal(one.plans.length, 5);
  const calibrated = await plansOf(engine, parameters);
  assert.deepEqual(calibrated.plans.slice(1), one.plans);
});

test('a second network of the same shape compiles nothing', {
  skip: compiler === undefined && 'needs a C compiler',
}, async () => {
  // Empty: kernels of an earlier run of this test are not there.
  const cacheFolder = mkdtempSync(join(tmpdir(), 'ohmic-kernels-'));
  after(() => rmSync(cacheFolder, { recursive: true }));
  const start = (threads: number): Promise<Backend> =>
    createNativeBackend(findCompiler({ cacheFolder })!, threads);
  await withEngine({ name: 'native', start }, 1, async (on) => {
    const first = await plansOf(on, parameters);
    assert.ok(first.fresh.some((isFresh) => isFresh));
    const second = await plansOf(on, randomParameters(network, 1));
    assert.deepEqual(second.fresh, new Array<boolean>(6).fill(false));
    const third = await plansOf(on, others);
    assert.deepEqual(third.fresh, new Array<boolean>(5).fill(false));
  });
});
