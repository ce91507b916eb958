// Factors of the learning rate by parameter, in a whole training; what a single step does with them is in step.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backends, withEngine } from '../../test/compare.ts';
import { plainSettings, tinyPerceptron, tinySplit } from '../../test/tiny.ts';
import { prepareFit } from './fit.ts';
import type { TrainingSettings } from './settings.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;

test('a factor of the rate that fits no parameter is refused; with 0 no cell gets a pulse', async () => {
  await withEngine(wasm, 1, async (engine) => {
    const fitting = (rateFactors: TrainingSettings['rateFactors']) =>
      prepareFit({
        engine,
        network: tinyPerceptron,
        data: tinySplit(),
        seed: 11,
        settings: {
          ...plainSettings,
          epochs: 1,
          learningRate: { kind: 'step', initial: 2, factor: 1, atEpochs: [] },
          rule: { kind: 'mixed-precision' },
          rateFactors,
        },
      });
    await assert.rejects(fitting({ 'dense3.*': 0.5 }), {
      name: 'UsageError',
      message:
        'train: rateFactors: "dense3.*" fits no parameter; there are dense1.weights, dense1.bias, dense2.weights, dense2.bias',
    });
    const pulsesOf = async (factors: TrainingSettings['rateFactors']): Promise<number> => {
      const training = await fitting(factors);
      const { history } = await training.result();
      training.free();
      return history[0]!.pulses!;
    };
    assert.ok((await pulsesOf({ 'dense1.*': 0 })) > 0);
    assert.equal(await pulsesOf({ '*': 0 }), 0);
  });
});
