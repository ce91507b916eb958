// What tests of single primitives share: batches of cases on every backend against the float64 interpreter, with the
// same bits for any number of threads.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Engine, engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import type { Traced } from '../src/graph/trace.ts';
import { assertAgrees, backends, runSample, type Sample, type SampleTrace, sample } from './compare.ts';

/** Results of some cases by name. */
export type Results = Record<string, Tensor>;

/** A value, and its gradients for `inputs` in a random direction. */
export function withGradients(
  t: SampleTrace,
  name: string,
  y: Tensor,
  inputs: Readonly<Record<string, Tensor>>,
): Results {
  const slopes = gradients(y.multiply(t.normals(y.shape)).sum(), Object.values(inputs));
  return {
    [name]: y,
    ...Object.fromEntries(Object.keys(inputs).map((input, k) => [`${name}, to ${input}`, slopes[k]!])),
  };
}

/**
 * Tests of each batch, which is one graph: every backend agrees with the interpreter, and gives the same bits with one
 * thread and with three.
 */
export function testEverywhere(batches: Readonly<Record<string, (t: SampleTrace) => Traced>>): void {
  const engines = new Map<string, readonly [one: Engine, two: Engine, three: Engine]>();
  before(async () => {
    for (const { name, start } of backends) {
      const started = [engineOn(await start(1)), engineOn(await start(2)), engineOn(await start(3))] as const;
      engines.set(name, started);
    }
  });
  after(async () => {
    for (const engine of [...engines.values()].flat()) await engine.close();
  });
  for (const [what, define] of Object.entries(batches)) {
    let made: Sample | undefined;
    const given = (): Sample => {
      made ??= sample(define);
      return made;
    };
    for (const { name } of backends) {
      test(`${name} agrees with the interpreter: ${what}`, () =>
        assertAgrees(engines.get(name)![1], given()));
      test(`${name} gives the same bits with one thread and with three: ${what}`, async () => {
        const [one, , three] = engines.get(name)!;
        assert.deepEqual(await runSample(three, given()), await runSample(one, given()));
      });
    }
  }
}
