// Averaged weights: they follow their recursion, leave the steps as they are, and are what a run gives.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { fullSettings, nesterovRule, tinyConvolutional, tinySplit } from '../../test/tiny.ts';
import type { Parameters } from '../base/parameters.ts';
import type { Engine } from '../engine.ts';
import { descent } from '../rules/descent.ts';
import { averageShareAt, ITERATE } from './averaging.ts';
import { decodeWeights, encodeCheckpoint } from './checkpoint.ts';
import { classification } from './classification.ts';
import { type FitOptions, prepareFit } from './fit.ts';
import { digitalScore } from './score.ts';
import type { TrainingSettings } from './settings.ts';
import type { TrainingState } from './training-state.ts';

const data = tinySplit();
/** Three epochs of four steps: the average is plain for five, exponential from there on. */
const averaging = { decay: 0.8 };

function optionsOn(engine: Engine, settings: Partial<TrainingSettings>): FitOptions {
  return { engine, network: tinyConvolutional, data, settings: { ...fullSettings, ...settings }, seed: 3 };
}

/** The state before the first step and after each step. */
async function statesOf(options: FitOptions): Promise<TrainingState[]> {
  const fitting = await prepareFit(options);
  try {
    const states = [await fitting.snapshot()];
    for await (const { kind } of fitting.events()) if (kind === 'step') states.push(await fitting.snapshot());
    return states;
  } finally {
    fitting.free();
  }
}

const parametersOf = (tensors: Parameters, ending = ''): Record<string, Float32Array> =>
  Object.fromEntries(tinyConvolutional.parameters.map(({ name }) => [name, tensors[name + ending]!.data]));

for (const choice of backends) {
  test(`iterates are those of a run without averaging, and averages follow the recursion on ${choice.name}`, async () => {
    await withEngine(choice, 2, async (engine) => {
      const plain = await statesOf(optionsOn(engine, {}));
      const averaged = await statesOf(optionsOn(engine, { averaging }));
      assert.equal(averaged.length, 13);
      const expected: Record<string, Float64Array> = Object.fromEntries(
        Object.entries(parametersOf(plain[0]!.tensors)).map(([name, data]) => [
          name,
          Float64Array.from(data),
        ]),
      );
      for (const [step, { tensors }] of averaged.entries()) {
        assert.deepEqual(parametersOf(tensors, ITERATE), parametersOf(plain[step]!.tensors), `step ${step}`);
        if (step === 0) continue;
        const share = Math.max(0.2, 1 / step);
        for (const [name, values] of Object.entries(parametersOf(tensors))) {
          const iterate = plain[step]!.tensors[name]!.data;
          for (const [at, value] of values.entries()) {
            const average = expected[name]![at]!;
            expected[name]![at] = average + share * (iterate[at]! - average);
            const bound = 1e-5 * Math.max(1, Math.abs(average), Math.abs(iterate[at]!));
            assert.ok(Math.abs(value - expected[name]![at]!) <= bound, `${name} at ${at}, step ${step}`);
          }
        }
      }
      const last = averaged.at(-1)!;
      assert.notDeepEqual(parametersOf(last.tensors), parametersOf(plain.at(-1)!.tensors));
      // The steps see the same, so the losses are the same; the test examples are scored with the average.
      assert.deepEqual(
        last.history.map(({ trainLoss }) => trainLoss),
        plain.at(-1)!.history.map(({ trainLoss }) => trainLoss),
      );
    });
  });
}

test('what is kept and scored is the average, and a checkpoint continues to the same bits', async () => {
  await withEngine(backends[0]!, 2, async (engine) => {
    const options = optionsOn(engine, { averaging });
    const states = await statesOf(options);
    const end = await finished(options);
    for (const step of [1, 6, 11])
      assert.deepEqual(await finished({ ...options, state: states[step]! }), end, `from step ${step}`);
    const provenance = {
      ohmic: '0.0.0',
      model: tinyConvolutional.name,
      dataset: 'tiny',
      settings: { ...fullSettings, averaging },
      seed: 3,
      backend: 'any',
      history: [],
    };
    const { parameters } = await decodeWeights('f', await encodeCheckpoint({ state: end, provenance }));
    assert.deepEqual(
      Object.keys(parameters).filter((name) => name.endsWith(ITERATE)),
      [],
    );
    assert.deepEqual(parametersOf(parameters), parametersOf(end.tensors));
    const score = await digitalScore({
      engine,
      network: tinyConvolutional,
      parameters,
      task: classification(data),
    });
    assert.equal(end.history.at(-1)!.testAccuracy, score);
  });
});

async function finished(options: FitOptions): Promise<TrainingState> {
  const fitting = await prepareFit(options);
  try {
    return await fitting.result();
  } finally {
    fitting.free();
  }
}

test('without decay the average is the iterate', async () => {
  await withEngine(backends[0]!, 1, async (engine) => {
    const { tensors } = await finished(optionsOn(engine, { averaging: { decay: 0 } }));
    const [averages, iterates] = [parametersOf(tensors), parametersOf(tensors, ITERATE)];
    for (const [name, values] of Object.entries(averages))
      for (const [at, value] of values.entries())
        assert.ok(Math.abs(value - iterates[name]![at]!) <= 1e-6 * Math.abs(value), `${name} at ${at}`);
  });
});

test('the share is that of a plain average until the decay asks for less', () => {
  assert.deepEqual(
    [0, 1, 3, 4, 5, 100].map((step) => averageShareAt(averaging, step)),
    [1, 1 / 2, 1 / 4, 1 / 5, 1 - 0.8, 1 - 0.8],
  );
});

test('averages of weights that a rule keeps itself are refused', async () => {
  await withEngine(backends[0]!, 1, async (engine) => {
    const own = { ...descent(nesterovRule), upkeep: { everySteps: 2, update: () => undefined } };
    await assert.rejects(
      prepareFit({ ...optionsOn(engine, { averaging }), rule: own }),
      /averaging has no effect on a rule that keeps weights itself/,
    );
  });
});
