// Random graphs of all primitives, and their gradients, on every backend against the float64 interpreter. Several graphs
// are compiled as one, so that their kernels mix.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deriveKey, keyFromSeed } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import { type Engine, engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import { nodesOf } from '../src/graph/node.ts';
import { shapeRules } from '../src/graph/shape-rules.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { assertAgrees, backends, type Sample, type SampleTrace, sample } from './compare.ts';
import { randomGraph } from './random-graph.ts';

const GRAPHS_PER_BATCH = 4;
const BATCHES = 14;
/** C is slow to compile: the native backend gets the first batches only. */
const NATIVE_BATCHES = 4;
const STEPS = 14;

/**
 * Results of a graph are a dozen roundings deep, each of 6e-8 of values of about 1: 2e-5 leaves room for what sums and
 * quotients enlarge. What is below 0.01 may be the difference of larger values, and counts as 0.01.
 */
const LIMITS = { tolerance: 2e-5, floor: 0.01 } as const;

/** Results, and the gradients of their sum, or of a random projection of them, for every float input. */
function graphWithGradients(t: SampleTrace, seed: number): Record<string, Tensor> {
  const key = deriveKey(keyFromSeed(seed), 'random graph');
  const { results, inputs } = randomGraph(t, `graph${seed}`, key, STEPS);
  const projected = results.map((result, k) => {
    const direction = t.key('noise').derive('projection', seed, k).normal(result.shape);
    const weighted = seed % 3 === 0 ? result : result.multiply(direction);
    return weighted.sum().multiply(1 / Math.sqrt(elementCount(result.shape)));
  });
  const slopes = gradients(
    projected.reduce((sum, part) => sum.add(part)),
    inputs,
  );
  return Object.fromEntries([
    ...results.map((result, k) => [`graph ${seed}, result ${k}`, result] as const),
    ...slopes.map((slope, k) => [`graph ${seed}, gradient ${k}`, slope] as const),
  ]);
}

const samples: readonly (() => Sample)[] = Array.from({ length: BATCHES }, (_, batch) => {
  let made: Sample | undefined;
  const seeds = Array.from({ length: GRAPHS_PER_BATCH }, (_unused, k) => batch * GRAPHS_PER_BATCH + k);
  return () => {
    made ??= sample((t) => ({
      outputs: Object.assign({}, ...seeds.map((seed) => graphWithGradients(t, seed))),
    }));
    return made;
  };
});

const engines = new Map<string, Engine>();
before(async () => {
  for (const { name, start } of backends) engines.set(name, engineOn(await start(2)));
});
after(async () => {
  for (const engine of engines.values()) await engine.close();
});

for (const [batch, made] of samples.entries()) {
  for (const { name } of backends) {
    if (name === 'native' && batch >= NATIVE_BATCHES) continue;
    test(`${name} agrees with the interpreter on random graphs, batch ${batch}`, () =>
      assertAgrees(engines.get(name)!, made(), LIMITS));
  }
}

test('the random graphs meet every primitive', () => {
  const met = new Set(samples.flatMap((made) => nodesOf(made().graph).map(({ op }) => op)));
  assert.deepEqual(
    Object.keys(shapeRules).filter((op) => !met.has(op as keyof typeof shapeRules)),
    [],
  );
});
